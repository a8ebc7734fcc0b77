//! A folder in the OCI image layout (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>).

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    Artifact, Limits, OciError,
    manifest::{self, Blob, Descriptor, INDEX_TYPE, Layers, MAX_JSON_BYTES, Packed},
    tag,
};

const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
const TAG: &str = "org.opencontainers.image.ref.name";
/// The first digits of a digest that name a module.
const MIN_DIGITS: usize = 6;

/// A folder in the OCI image layout.
#[derive(Clone, Debug)]
pub struct Layout(PathBuf);

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    manifests: Vec<Descriptor>,
}

impl Layout {
    /// The layout of a folder; it need not be there.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Adds a module, and has the tag name it. A tag that named another module does not any more; that one stays there by its
    /// digest. The module is there before the tag is, so a layout that a killed process leaves is whole.
    ///
    /// # Errors
    ///
    /// When the tag is none, the index cannot be parsed, or the folder cannot be written.
    pub fn push(&self, artifact: &Artifact, tag: &str) -> Result<(), OciError> {
        tag::check(tag)?;
        let blobs = self.blobs();
        fs::create_dir_all(&blobs).map_err(file("create folder", &blobs))?;
        let Packed { blobs, manifest } = manifest::pack(&artifact.bytes, artifact.signature.as_deref());
        for blob in blobs.iter().chain([&manifest]) {
            self.write_blob(blob)?;
        }
        // The index is read, changed and written: one process at a time.
        let folder = fs::File::open(&self.0).and_then(|folder| folder.lock().map(|()| folder));
        let _locked = folder.map_err(file("lock folder", &self.0))?;
        let mut index = self.index()?;
        for tag in [tag::of_digest(&artifact.digest()), tag.to_owned()] {
            let mut tagged = manifest.descriptor.clone();
            index.manifests.retain(|other| other.annotations.get(TAG) != Some(&tag));
            tagged.annotations.insert(TAG.to_owned(), tag);
            index.manifests.push(tagged);
        }
        self.write(Path::new("oci-layout"), LAYOUT.as_bytes())?;
        self.write(Path::new("index.json"), &manifest::json(&index))
    }

    /// The module that a tag names, or that has a digest with these first digits, at least 6. What is read has the digests
    /// that name it.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be read as a module.
    pub fn pull(&self, reference: &str, limits: Limits) -> Result<Artifact, OciError> {
        let index = self.index()?;
        let is_tagged = |it: &&Descriptor| it.annotations.get(TAG).is_some_and(|tag| tag == reference);
        let manifest = match index.manifests.iter().find(is_tagged) {
            Some(manifest) => manifest,
            None => self.of_digest(&index, reference)?,
        };
        let Layers { module, signature } = self.layers(manifest)?;
        let bytes = self.read_blob(&module, limits.module_bytes)?;
        let signature = match signature {
            Some(signature) => {
                let text = self.read_blob(&signature, limits.signature_bytes)?;
                Some(manifest::signature_text(text, &manifest.digest)?)
            }
            None => None,
        };
        Ok(Artifact { bytes, signature })
    }

    /// The manifest of the module whose digest begins with these digits: the one that was pushed last.
    fn of_digest<'i>(&self, index: &'i Index, reference: &str) -> Result<&'i Descriptor, OciError> {
        let digits = reference.trim_start_matches("sha256:").to_lowercase();
        let mut found: Option<(String, &Descriptor)> = None;
        if digits.len() >= MIN_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            for manifest in &index.manifests {
                let module = self.layers(manifest)?.module.digest;
                if !module.trim_start_matches("sha256:").starts_with(&digits) {
                    continue;
                }
                if found.as_ref().is_some_and(|(other, _)| *other != module) {
                    return Err(OciError::Ambiguous(digits));
                }
                found = Some((module, manifest));
            }
        }
        found.map(|(_, manifest)| manifest).ok_or_else(|| {
            let tags = index.manifests.iter().filter_map(|it| it.annotations.get(TAG));
            OciError::Unknown {
                place: self.0.display().to_string(),
                reference: reference.to_owned(),
                tags: tags.filter(|tag| !tag::is_of_digest(tag)).cloned().collect(),
            }
        })
    }

    fn layers(&self, manifest: &Descriptor) -> Result<Layers, OciError> {
        manifest::layers(&self.read_blob(manifest, MAX_JSON_BYTES)?, &manifest.digest)
    }

    fn index(&self) -> Result<Index, OciError> {
        let path = self.0.join("index.json");
        match read(&path, MAX_JSON_BYTES) {
            Ok(text) => serde_json::from_slice(&text).map_err(|source| OciError::Index { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Index { schema_version: 2, media_type: INDEX_TYPE.to_owned(), manifests: Vec::new() })
            }
            Err(error) => Err(file("read", &path)(error)),
        }
    }

    fn write_blob(&self, blob: &Blob) -> Result<(), OciError> {
        let path = Path::new("blobs/sha256").join(manifest::digits(&blob.descriptor)?);
        if read(&self.0.join(&path), blob.descriptor.size).is_ok_and(|there| there == blob.bytes) {
            return Ok(());
        }
        self.write(&path, &blob.bytes)
    }

    fn read_blob(&self, blob: &Descriptor, max_bytes: u64) -> Result<Vec<u8>, OciError> {
        // It becomes a file name.
        let digits = manifest::digits(blob)?;
        let path = self.blobs().join(digits);
        let bytes = read(&path, max_bytes).map_err(file("read", &path))?;
        manifest::checked(bytes, digits, || path.display().to_string())
    }

    /// Writes a file beside, and renames it: a reader never sees a part of it.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), OciError> {
        let path = self.0.join(path);
        let write = || -> io::Result<()> {
            let folder = path.parent().unwrap_or(&self.0);
            let mut beside = tempfile::NamedTempFile::new_in(folder)?;
            beside.write_all(bytes)?;
            beside.as_file().sync_all()?;
            beside.persist(&path).map_err(|error| error.error)?;
            fs::File::open(folder)?.sync_all()
        };
        write().map_err(file("write", &path))
    }

    fn blobs(&self) -> PathBuf {
        self.0.join("blobs/sha256")
    }
}

impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.display())
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

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OciError + use<> {
    let path = path.to_owned();
    move |source| OciError::File { action, path, source }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    const LIMITS: Limits = Limits { module_bytes: 100, signature_bytes: 100 };

    fn unsigned(bytes: &[u8]) -> Artifact {
        Artifact { bytes: bytes.to_owned(), signature: None }
    }

    #[test]
    fn what_is_pushed_is_pulled_by_tag_and_digest() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        let one = unsigned(b"one");
        let two = Artifact { bytes: b"two".to_vec(), signature: Some("by me".to_owned()) };
        layout.push(&one, "v1").unwrap();
        layout.push(&two, "v2").unwrap();
        let digest = one.digest();
        for (reference, expected) in
            [("v1", &one), ("v2", &two), (&digest[..6], &one), (&*two.digest(), &two)]
        {
            assert_eq!(layout.pull(reference, LIMITS).unwrap(), *expected, "{reference}");
        }
        // A tag moves; the module stays there by its digest.
        layout.push(&two, "v1").unwrap();
        assert_eq!(layout.pull("v1", LIMITS).unwrap(), two);
        assert_eq!(layout.pull(&digest, LIMITS).unwrap(), one);
        let index = fs::read_to_string(folder.path().join("index.json")).unwrap();
        assert_eq!(index.matches(TAG).count(), 4, "{index}");
        assert_eq!(fs::read_to_string(folder.path().join("oci-layout")).unwrap(), LAYOUT);
        let error = layout.pull("v3", LIMITS).unwrap_err().to_string();
        assert!(error.ends_with("has no module v3; its tags: v2, v1"), "{error}");
        // Signed later, it has its signature by its digest too.
        let signed = Artifact { signature: Some("by me".to_owned()), ..one };
        layout.push(&signed, "v3").unwrap();
        assert_eq!(layout.pull(&digest, LIMITS).unwrap(), signed);
    }

    #[test]
    fn what_is_damaged_or_no_layout_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        let check = |reference: &str, expected: &str| {
            let error = layout.pull(reference, LIMITS).unwrap_err();
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            assert!(format!("{error}: {cause}").contains(expected), "{error}: {cause}");
        };
        let one = unsigned(b"one");
        check("v1", "has no module v1");
        for tag in ["", "-v1", "v 1", "../v1", &"v".repeat(129)] {
            assert!(layout.push(&one, tag).is_err(), "{tag}");
        }
        layout.push(&one, "v1").unwrap();
        let blob = folder.path().join("blobs/sha256").join(one.digest());
        fs::write(&blob, b"ono").unwrap();
        check("v1", "is damaged");
        fs::write(&blob, [0; 101]).unwrap();
        check("v1", "it is no file of at most 100 bytes");
        fs::remove_file(&blob).unwrap();
        check("v1", "read ");
        layout.push(&one, "v1").unwrap();
        assert_eq!(layout.pull("v1", LIMITS).unwrap(), one, "pushed again, it is mended");
        let index = folder.path().join("index.json");
        let text = fs::read_to_string(&index).unwrap();
        let at = text.rfind("sha256:").unwrap();
        fs::write(&index, [&text[..at], "sha256:../../../etc/passwd", &text[at + 71..]].concat()).unwrap();
        check("v1", "is no digest of SHA-256");
        fs::write(&index, b"{").unwrap();
        check("v1", "is not an OCI index");
    }
}
