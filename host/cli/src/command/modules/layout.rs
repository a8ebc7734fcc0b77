//! Modules in a folder in the OCI image layout (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>),
//! as artifacts of WebAssembly (<https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>): tools such as
//! `oras`, `skopeo` and `crane` copy them to a registry and back.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use host_sandbox::limits::MAX_MODULE_BYTES;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
const LAYER_TYPE: &str = "application/wasm";
const TAG: &str = "org.opencontainers.image.ref.name";
/// Bytes of an index or a manifest: registries accept manifests of 4 MiB.
const MAX_JSON_BYTES: u64 = 4 << 20;
/// Characters of a tag, as registries have it.
const MAX_TAG_LENGTH: usize = 128;

/// A folder in the OCI image layout.
#[derive(Debug)]
pub(super) struct Layout(PathBuf);

/// A module of a layout.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pulled {
    pub(super) digest: String,
    pub(super) bytes: Vec<u8>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    manifests: Vec<Descriptor>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// What `application/vnd.wasm.config.v0+json` has.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    architecture: &'static str,
    os: &'static str,
    layer_digests: [&'a str; 1],
}

impl Layout {
    pub(super) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Adds a module, and has the tag name it. A tag that named another module does not any more. The module is there before
    /// the tag is, so a layout that a killed process leaves is whole.
    pub(super) fn push(&self, module: &[u8], tag: &str) -> Result<String> {
        check_tag(tag)?;
        fs::create_dir_all(self.blobs())
            .with_context(|| format!("create folder {}", self.blobs().display()))?;
        let layer = self.write_blob(LAYER_TYPE, module)?;
        let config = Config { architecture: "wasm", os: "wasip2", layer_digests: [&layer.digest] };
        let config = self.write_blob(CONFIG_TYPE, &serde_json::to_vec(&config)?)?;
        let digest = layer.digest.clone();
        let manifest =
            Manifest { schema_version: 2, media_type: MANIFEST_TYPE.to_owned(), config, layers: vec![layer] };
        let mut manifest = self.write_blob(MANIFEST_TYPE, &serde_json::to_vec(&manifest)?)?;
        manifest.annotations.insert(TAG.to_owned(), tag.to_owned());
        let mut index = self.index()?;
        index.manifests.retain(|other| other.annotations.get(TAG).is_none_or(|other| other != tag));
        index.manifests.push(manifest);
        self.write(Path::new("oci-layout"), LAYOUT.as_bytes())?;
        self.write(Path::new("index.json"), &serde_json::to_vec_pretty(&index)?)?;
        Ok(digest.trim_start_matches("sha256:").to_owned())
    }

    /// The module that a tag names, or that has a digest with these first digits. What is read has the digests that name it.
    pub(super) fn pull(&self, reference: &str) -> Result<Pulled> {
        let index = self.index()?;
        let tagged =
            index.manifests.iter().find(|it| it.annotations.get(TAG).is_some_and(|tag| tag == reference));
        let layer = match tagged {
            Some(manifest) => self.layer(manifest)?,
            None => self.layer_of_digest(&index, reference)?,
        };
        let bytes = self.read_blob(&layer, MAX_MODULE_BYTES as u64)?;
        Ok(Pulled { digest: layer.digest.trim_start_matches("sha256:").to_owned(), bytes })
    }

    fn layer_of_digest(&self, index: &Index, digits: &str) -> Result<Descriptor> {
        let digits = digits.trim_start_matches("sha256:");
        let mut found: Vec<Descriptor> = Vec::new();
        if digits.len() >= 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            for manifest in &index.manifests {
                let layer = self.layer(manifest)?;
                let is_it = layer.digest.trim_start_matches("sha256:").starts_with(&digits.to_lowercase());
                if is_it && !found.iter().any(|other| other.digest == layer.digest) {
                    found.push(layer);
                }
            }
        }
        ensure!(found.len() <= 1, "several modules have a digest that begins with {digits}");
        found.pop().with_context(|| {
            let tags: Vec<&str> =
                index.manifests.iter().filter_map(|it| it.annotations.get(TAG)).map(String::as_str).collect();
            format!("{} has no module {digits}; its tags: {}", self.0.display(), tags.join(", "))
        })
    }

    /// The module of a manifest.
    fn layer(&self, manifest: &Descriptor) -> Result<Descriptor> {
        let text = self.read_blob(manifest, MAX_JSON_BYTES)?;
        let what = || format!("manifest {} is not one of a module", manifest.digest);
        let manifest: Manifest = serde_json::from_slice(&text).with_context(what)?;
        let mut layers = manifest.layers.into_iter().filter(|layer| layer.media_type == LAYER_TYPE);
        match (layers.next(), layers.next()) {
            (Some(layer), None) => Ok(layer),
            _ => bail!("{}: it has not one layer of type {LAYER_TYPE}", what()),
        }
    }

    fn index(&self) -> Result<Index> {
        let path = self.0.join("index.json");
        match read(&path, MAX_JSON_BYTES) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("{} is not an OCI index", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Index { schema_version: 2, media_type: INDEX_TYPE.to_owned(), manifests: Vec::new() })
            }
            Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
        }
    }

    fn write_blob(&self, media_type: &str, bytes: &[u8]) -> Result<Descriptor> {
        let digits = hex::encode(Sha256::digest(bytes));
        let path = Path::new("blobs/sha256").join(&digits);
        if !read(&self.0.join(&path), bytes.len() as u64).is_ok_and(|there| there == bytes) {
            self.write(&path, bytes)?;
        }
        Ok(Descriptor {
            media_type: media_type.to_owned(),
            digest: format!("sha256:{digits}"),
            size: bytes.len() as u64,
            annotations: BTreeMap::new(),
        })
    }

    fn read_blob(&self, blob: &Descriptor, max_bytes: u64) -> Result<Vec<u8>> {
        // It becomes a file name.
        let digits = blob.digest.strip_prefix("sha256:").unwrap_or_default();
        let is_digest = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        ensure!(is_digest, "`{}` is no digest of SHA-256", blob.digest);
        let path = self.blobs().join(digits);
        let bytes = read(&path, max_bytes).with_context(|| format!("read {}", path.display()))?;
        let found = hex::encode(Sha256::digest(&bytes));
        ensure!(found == digits, "{} is damaged: its content has digest {found}", path.display());
        Ok(bytes)
    }

    /// Writes a file beside, and renames it: a reader never sees a part of it.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let path = self.0.join(path);
        let write = || -> io::Result<()> {
            let folder = path.parent().unwrap_or(&self.0);
            let mut beside = tempfile::NamedTempFile::new_in(folder)?;
            beside.write_all(bytes)?;
            beside.as_file().sync_all()?;
            beside.persist(&path).map_err(|error| error.error)?;
            fs::File::open(folder)?.sync_all()
        };
        write().with_context(|| format!("write {}", path.display()))
    }

    fn blobs(&self) -> PathBuf {
        self.0.join("blobs/sha256")
    }
}

/// A regular file of bounded size.
fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > max_bytes {
        return Err(io::Error::other(format!("it is no file of at most {max_bytes} bytes")));
    }
    fs::read(path)
}

fn check_tag(tag: &str) -> Result<()> {
    let is_first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_tag = tag.bytes().next().is_some_and(is_first)
        && tag.len() <= MAX_TAG_LENGTH
        && tag.bytes().all(|byte| is_first(byte) || byte == b'.' || byte == b'-');
    ensure!(is_tag, "`{tag}` is no tag: letters, digits, `_`, `.` and `-`, at most {MAX_TAG_LENGTH}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_pulled_by_tag_and_digest() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        let one = layout.push(b"one", "v1").unwrap();
        let two = layout.push(b"two", "v2").unwrap();
        assert_eq!(one, hex::encode(Sha256::digest(b"one")));
        for (reference, digest, bytes) in
            [("v1", &one, b"one"), ("v2", &two, b"two"), (&one[..6], &one, b"one"), (&*two, &two, b"two")]
        {
            let expected = Pulled { digest: digest.clone(), bytes: bytes.to_vec() };
            assert_eq!(layout.pull(reference).unwrap(), expected, "{reference}");
        }
        // A tag moves; the module is there by its digest as long as a tag names it.
        layout.push(b"two", "v1").unwrap();
        assert_eq!(layout.pull("v1").unwrap().bytes, b"two");
        let error = layout.pull(&one).unwrap_err().to_string();
        assert!(error.contains("has no module"), "{error}");
        let index = fs::read_to_string(folder.path().join("index.json")).unwrap();
        assert_eq!(index.matches(TAG).count(), 2, "{index}");
        assert_eq!(fs::read_to_string(folder.path().join("oci-layout")).unwrap(), LAYOUT);
    }

    #[test]
    fn what_is_damaged_or_no_layout_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        let check = |reference: &str, expected: &str| {
            let error = format!("{:#}", layout.pull(reference).unwrap_err());
            assert!(error.contains(expected), "{error}");
        };
        check("v1", "has no module v1");
        for tag in ["", "-v1", "v 1", "../v1", &"v".repeat(129)] {
            assert!(layout.push(b"one", tag).is_err(), "{tag}");
        }
        let digest = layout.push(b"one", "v1").unwrap();
        let blob = folder.path().join("blobs/sha256").join(&digest);
        fs::write(&blob, b"ono").unwrap();
        check("v1", "is damaged");
        fs::remove_file(&blob).unwrap();
        check("v1", "read ");
        layout.push(b"one", "v1").unwrap();
        assert_eq!(layout.pull("v1").unwrap().bytes, b"one", "pushed again, it is mended");
        let index = folder.path().join("index.json");
        let text = fs::read_to_string(&index).unwrap();
        let at = text.find("sha256:").unwrap();
        fs::write(&index, [&text[..at], "sha256:../../../etc/passwd", &text[at + 71..]].concat()).unwrap();
        check("v1", "is no digest of SHA-256");
        fs::write(&index, b"{").unwrap();
        check("v1", "is not an OCI index");
    }
}
