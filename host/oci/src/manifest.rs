//! The manifest of a module: its types, and what is read from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{OciError, tag};

pub(crate) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
const MODULE_TYPE: &str = "application/wasm";
/// Tools that know only the layer of the module leave this one alone.
const SIGNATURE_TYPE: &str = "application/vnd.minisign.signature.v1";
/// Bytes of an index or a manifest: registries accept manifests of 4 MiB.
pub(crate) const MAX_JSON_BYTES: u64 = 4 << 20;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// What `application/vnd.wasm.config.v0+json` has.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    architecture: &'static str,
    os: &'static str,
    layer_digests: Vec<&'a str>,
}

/// A blob, and what names it.
#[derive(Debug)]
pub(crate) struct Blob {
    pub(crate) descriptor: Descriptor,
    pub(crate) bytes: Vec<u8>,
}

impl Blob {
    pub(crate) fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        let descriptor = Descriptor {
            media_type: media_type.to_owned(),
            digest: format!("sha256:{}", digits_of(&bytes)),
            size: bytes.len() as u64,
            annotations: BTreeMap::new(),
        };
        Self { descriptor, bytes }
    }
}

/// What a module is pushed as: the blobs first, the manifest that names them last.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) blobs: Vec<Blob>,
    pub(crate) manifest: Blob,
}

/// The layers of a module's manifest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Layers {
    pub(crate) module: Descriptor,
    pub(crate) signature: Option<Descriptor>,
}

/// A module and its signature as blobs.
pub(crate) fn pack(module: &[u8], signature: Option<&str>) -> Packed {
    let mut layers = vec![Blob::new(MODULE_TYPE, module.to_owned())];
    layers.extend(signature.map(|signature| Blob::new(SIGNATURE_TYPE, signature.as_bytes().to_owned())));
    let layer_digests = layers.iter().map(|layer| &*layer.descriptor.digest).collect();
    let config = Blob::new(CONFIG_TYPE, json(&Config { architecture: "wasm", os: "wasip2", layer_digests }));
    let manifest = Manifest {
        schema_version: 2,
        media_type: MANIFEST_TYPE.to_owned(),
        config: config.descriptor.clone(),
        layers: layers.iter().map(|layer| layer.descriptor.clone()).collect(),
    };
    layers.push(config);
    Packed { blobs: layers, manifest: Blob::new(MANIFEST_TYPE, json(&manifest)) }
}

/// The layers that a manifest names.
pub(crate) fn layers(text: &[u8], digest: &str) -> Result<Layers, OciError> {
    let refused = |why: String| OciError::Manifest { digest: digest.to_owned(), why };
    let manifest: Manifest = serde_json::from_slice(text).map_err(|error| refused(error.to_string()))?;
    let only = |media_type: &str| {
        let mut found = manifest.layers.iter().filter(|layer| layer.media_type == media_type);
        (found.next().cloned(), found.next().is_some())
    };
    match (only(MODULE_TYPE), only(SIGNATURE_TYPE)) {
        ((Some(module), false), (signature, false)) => {
            digits(&module)?;
            signature.as_ref().map(digits).transpose()?;
            Ok(Layers { module, signature })
        }
        (_, (_, true)) => Err(refused("it has several signatures".to_owned())),
        _ => Err(refused(format!("it has not one layer of type {MODULE_TYPE}"))),
    }
}

/// The digits of a descriptor's digest.
pub(crate) fn digits(descriptor: &Descriptor) -> Result<&str, OciError> {
    let digits = descriptor.digest.strip_prefix("sha256:").filter(|digits| tag::is_digits(digits));
    digits.ok_or_else(|| OciError::Digest(descriptor.digest.clone()))
}

pub(crate) fn digits_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Content that must have these digits. `what` names it.
pub(crate) fn checked(
    bytes: Vec<u8>,
    digits: &str,
    what: impl FnOnce() -> String,
) -> Result<Vec<u8>, OciError> {
    let found = digits_of(&bytes);
    if found == digits { Ok(bytes) } else { Err(OciError::Damaged { what: what(), found }) }
}

/// A signature as text.
pub(crate) fn signature_text(bytes: Vec<u8>, digest: &str) -> Result<String, OciError> {
    String::from_utf8(bytes).map_err(|_| OciError::Manifest {
        digest: digest.to_owned(),
        why: "its signature is no text".to_owned(),
    })
}

/// JSON of values that always have one.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts, numbers and lists have a JSON form")
}
