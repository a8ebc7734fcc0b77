//! Why a module is not pushed or pulled.

use std::{io, path::PathBuf};

use oci_client::errors::OciDistributionError;

use crate::tag::MAX_TAG_LENGTH;

/// Why a module is not pushed or pulled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OciError {
    /// The text of a repository.
    #[error("`{text}` names no repository: use a folder, or oci://HOST/NAME without a tag")]
    Location {
        /// What was given.
        text: String,
    },
    /// The text of a tag.
    #[error("`{0}` is no tag: letters, digits, `_`, `.` and `-`, at most {MAX_TAG_LENGTH}")]
    Tag(String),
    /// A file or folder cannot be used.
    #[error("{action} {}", path.display())]
    File {
        /// The operation, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The index of a folder cannot be parsed.
    #[error("{} is not an OCI index", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// Why it cannot be parsed.
        source: serde_json::Error,
    },
    /// A manifest of something else.
    #[error("manifest {digest} is not one of a module: {why}")]
    Manifest {
        /// The digest of the manifest, or the reference that names it.
        digest: String,
        /// What is wrong with it.
        why: String,
    },
    /// A digest that is none, or of another algorithm.
    #[error("`{0}` is no digest of SHA-256")]
    Digest(String),
    /// Content that does not have the digest that names it.
    #[error("{what} is damaged: its content has digest {found}")]
    Damaged {
        /// A file, or a blob of a registry.
        what: String,
        /// The digest of what was read.
        found: String,
    },
    /// Content that is larger than may be.
    #[error("{what} has more than {limit} bytes")]
    TooLarge {
        /// A blob.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// The first digits of several digests.
    #[error("several modules have a digest that begins with {0}")]
    Ambiguous(String),
    /// Nothing has that tag or digest.
    #[error("{place} has no module {reference}{}", listed(tags))]
    Unknown {
        /// The folder or the repository.
        place: String,
        /// What was asked for.
        reference: String,
        /// The tags that there are, where they are known.
        tags: Vec<String>,
    },
    /// The registry refuses, or does not answer.
    #[error("registry {registry}: {}", said(source))]
    Registry {
        /// Its host and port.
        registry: String,
        /// What went wrong.
        source: Box<OciDistributionError>,
    },
    /// The registry wants credentials, or others.
    #[error(
        "registry {registry} refuses these credentials, or none: `docker login {registry}` and `oras login {registry}` write others"
    )]
    Unauthorized {
        /// Its host and port.
        registry: String,
    },
    /// The user's credentials cannot be read.
    #[error("read the credentials of registry {registry}: {why}; `docker login` and `oras login` write them")]
    Credentials {
        /// Its host and port.
        registry: String,
        /// What is wrong with them.
        why: String,
    },
}

fn listed(tags: &[String]) -> String {
    if tags.is_empty() { String::new() } else { format!("; its tags: {}", tags.join(", ")) }
}

/// The cause of a request's failure is not in its own text, and names what is wrong.
fn said(error: &OciDistributionError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}
