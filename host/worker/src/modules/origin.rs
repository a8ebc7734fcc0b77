//! Where modules come from that histories name and the store lacks.

use std::{error::Error, fmt::Debug};

use host_sandbox::Digest;

use super::signed::SignedModule;

/// A place that has modules by their digest, such as a registry.
pub trait ModuleOrigin: Debug + Send + Sync {
    /// The module with a digest; nothing if the place has none. Blocks until it is here.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    fn fetch(&self, digest: &Digest) -> Result<Option<SignedModule>, Box<dyn Error + Send + Sync>>;

    /// The place as people name it.
    fn name(&self) -> String;
}
