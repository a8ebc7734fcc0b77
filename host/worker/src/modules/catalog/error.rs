//! Why the catalog refuses a file or a digest.

use std::{io, path::PathBuf, sync::Arc};

use host_sandbox::{Digest, LoadError};

use super::super::{files::FileError, signed::SignatureError, store::StoreError};

/// Why a catalog cannot be opened, or a file not be admitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// A path that was given has no module.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not a module.
    #[error("load module {}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// Why the sandbox refuses it.
        source: Arc<LoadError>,
    },
    /// None of the signers that this host trusts has signed it.
    #[error("module {} is not trusted", path.display())]
    Signature {
        /// The file.
        path: PathBuf,
        /// What is wrong with its signature.
        source: SignatureError,
    },
    /// Two modules that were never admitted define one workflow type, so that neither is the newer one.
    #[error(
        "{} and {} both define workflow type {}, and neither was admitted before: with \
         --modules-in-order --modules names the older one first",
        one.display(),
        other.display(),
        named(workflow_type)
    )]
    Ambiguous {
        /// The workflow type; empty for the dynamic workflow.
        workflow_type: String,
        /// The first file that defines it.
        one: PathBuf,
        /// The second one.
        other: PathBuf,
    },
    /// A module elsewhere takes the place of files, and none of these serves its types.
    #[error(
        "no file of --modules serves a workflow type of {}: copy it to one of these folders, and it is taken with --watch \
         or at the next start",
        path.display()
    )]
    NoFile {
        /// The module's file.
        path: PathBuf,
    },
    /// A digest that the store does not have.
    #[error("module {digest} was never admitted here: `host modules list` shows those that were")]
    NotAdmitted {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
    },
    /// One canary at a time.
    #[error(
        "module {digest} is a canary already: `host modules canary stop` or `host modules promote` ends it"
    )]
    CanaryRuns {
        /// The SHA-256 of the canary's bytes.
        digest: Digest,
    },
    /// There is no canary.
    #[error("there is no canary: `host modules canary start` begins one")]
    NoCanary,
    /// It serves or is tried by now, or runs move to it.
    #[error("module {digest} is needed: `host modules list` shows what for")]
    Needed {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
    },
    /// One shadow at a time.
    #[error("there is a shadow already: `host modules shadow stop` or `host modules promote` ends it")]
    ShadowRuns,
    /// There is no shadow.
    #[error("there is no shadow: `host modules shadow start` begins one")]
    NoShadow,
    /// What is to be tried serves already.
    #[error("module {digest} serves its types already")]
    Serves {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a digest cannot be resolved to a module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The module was never admitted to this store.
    #[error("module {digest} was never admitted here")]
    Unknown {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
    },
    /// The engine refuses the module, for example after an upgrade of the host.
    #[error("load module {digest}")]
    Load {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
        /// Why the engine refuses it.
        source: Arc<LoadError>,
    },
    /// The store lacks it, and the place where modules are fetched from cannot be asked.
    #[error("fetch module {digest} from {place}")]
    Fetch {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
        /// The place.
        place: String,
        /// What went wrong.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// None of the signers that this host trusts has signed it.
    #[error("module {digest} is not trusted")]
    Signature {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
        /// What is wrong with its signature.
        source: SignatureError,
    },
    /// The system starts no more threads.
    #[error("start a thread to load module {digest}")]
    Thread {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A bug of the host: report it.
    #[error("the thread that loads module {digest} panicked")]
    Panicked {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn named(workflow_type: &str) -> String {
    if workflow_type.is_empty() {
        "\"dynamic\" (every type without a definition of its own)".to_owned()
    } else {
        format!("`{workflow_type}`")
    }
}
