//! Workflow modules as OCI artifacts of WebAssembly
//! (<https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>): in a registry, or in a folder in the OCI image
//! layout. Tools such as `oras`, `skopeo` and `crane` copy between both.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod error;
mod layout;
mod manifest;
mod registry;
mod repository;
mod tag;

pub use error::OciError;
pub use layout::Layout;
pub use registry::Registry;
pub use repository::Repository;

/// A module, and who vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The bytes of the component.
    pub bytes: Vec<u8>,
    /// A detached signature in the format of minisign, whatever it is worth.
    pub signature: Option<String>,
}

impl Artifact {
    /// The SHA-256 of the bytes, in hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        manifest::digits_of(&self.bytes)
    }
}

/// Limits of what is pulled.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a module.
    pub module_bytes: u64,
    /// Bytes of a signature.
    pub signature_bytes: u64,
}
