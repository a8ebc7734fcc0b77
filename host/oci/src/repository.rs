//! A place that modules are copied to and from, as people name it.

use std::{fmt, path::Path, str::FromStr};

use crate::{Artifact, Layout, Limits, OciError, Registry};

/// What the name of a repository in a registry begins with.
const SCHEME: &str = "oci://";

/// A place that modules are copied to and from.
#[derive(Clone, Debug)]
pub enum Repository {
    /// A folder in the OCI image layout.
    Folder(Layout),
    /// A repository of a registry: `oci://HOST/NAME`.
    Registry(Box<Registry>),
}

impl Repository {
    /// Adds a module, and has the tag name it from now on.
    ///
    /// # Errors
    ///
    /// When the tag is none, or the place cannot be written.
    pub async fn push(&self, artifact: &Artifact, tag: &str) -> Result<(), OciError> {
        match self {
            Self::Folder(layout) => layout.push(artifact, tag),
            Self::Registry(registry) => registry.push(artifact, tag).await,
        }
    }

    /// The module that a tag or a digest names; in a folder the first digits are enough. What comes has the digests that
    /// name it.
    ///
    /// # Errors
    ///
    /// When there is none, it is larger than the limits, or the place cannot be read.
    pub async fn pull(&self, reference: &str, limits: Limits) -> Result<Artifact, OciError> {
        match self {
            Self::Folder(layout) => layout.pull(reference, limits),
            Self::Registry(registry) => registry.pull(reference, limits).await,
        }
    }
}

impl FromStr for Repository {
    type Err = OciError;

    fn from_str(text: &str) -> Result<Self, OciError> {
        if let Some(name) = text.strip_prefix(SCHEME) {
            return Ok(Self::Registry(Box::new(Registry::new(name)?)));
        }
        if text.is_empty() || text.contains("://") {
            return Err(OciError::Location { text: text.to_owned() });
        }
        Ok(Self::Folder(Layout::at(Path::new(text))))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(layout) => layout.fmt(f),
            Self::Registry(registry) => write!(f, "{SCHEME}{registry}"),
        }
    }
}
