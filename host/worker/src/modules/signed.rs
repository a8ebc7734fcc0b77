//! Who vouches for a module: detached signatures of minisign (<https://jedisct1.github.io/minisign/>), and the signers that
//! a host trusts.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use minisign_verify::{Error, PublicKey, Signature};

use super::files::{self, FileError};

/// Bytes of a file with a signature: minisign writes some 300, and a comment of at most 8,192.
pub const MAX_SIGNATURE_BYTES: usize = 16 << 10;
/// What the name of the signature of a file ends with, behind the name of the file.
const EXTENSION: &str = ".minisig";

/// The bytes of a module, and the signature that came with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedModule {
    /// The bytes of the component.
    pub bytes: Vec<u8>,
    /// A signature in the format of minisign, which may not be one of these bytes.
    pub signature: Option<String>,
}

impl SignedModule {
    /// A module file, and its signature if there is a file of its name with `.minisig` behind it.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read, is no regular file, or is larger than it may be.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Ok(Self { bytes: files::read(path)?, signature: read_signature(&signature_path(path))? })
    }
}

/// Where the signature of a module file is.
#[must_use]
pub fn signature_path(module: &Path) -> PathBuf {
    let mut name = OsString::from(module);
    name.push(EXTENSION);
    PathBuf::from(name)
}

pub(super) fn read_signature(path: &Path) -> Result<Option<String>, FileError> {
    match files::read_bounded(path, MAX_SIGNATURE_BYTES) {
        Ok(text) => match String::from_utf8(text) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                let source = io::Error::new(io::ErrorKind::InvalidData, error);
                Err(FileError::Unreadable { path: path.to_owned(), source })
            }
        },
        Err(FileError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who may sign modules.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The name by which people know the signer.
    pub name: String,
    /// A public key of minisign: the text in base64, or the file with it.
    pub key: String,
    /// Task queues for which the signer's modules may run; empty for all.
    pub task_queues: Vec<String>,
    /// Namespaces for which they may; empty for all.
    pub namespaces: Vec<String>,
}

/// The signers that a host trusts, for its task queues in its namespace. Every module of the host must be signed by one who
/// may sign for all of these queues, because a module serves its types on each of them.
#[derive(Clone, Debug)]
pub struct Signers {
    known: Vec<(Signer, PublicKey)>,
    task_queues: Vec<String>,
    namespace: String,
}

/// A public key that is none.
#[derive(Debug, thiserror::Error)]
#[error("the key of signer `{name}` is no public key of minisign")]
pub struct KeyError {
    /// The name of the signer.
    name: String,
    source: Error,
}

/// Why a module is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is no signature.
    #[error(
        "it is not signed: `minisign -Sm MODULE.wasm` writes the signature MODULE.wasm.minisig beside it"
    )]
    Missing,
    /// The signature cannot be parsed, or is not one of these bytes.
    #[error("its signature is not valid: {0}")]
    Invalid(String),
    /// The key is none of those that this host trusts.
    #[error("it is signed by none of the signers that this host trusts: {}", .0.join(", "))]
    Unknown(Vec<String>),
    /// The signer's modules may not run here.
    #[error("it is signed by `{signer}`, who may not sign for {place}")]
    Elsewhere {
        /// The name of the signer.
        signer: String,
        /// The task queue or the namespace.
        place: String,
    },
}

impl Signers {
    /// The signers that a host with these task queues trusts.
    ///
    /// # Errors
    ///
    /// When a key is none.
    pub fn new(signers: Vec<Signer>, namespace: &str, task_queues: &[String]) -> Result<Self, KeyError> {
        let known = signers.into_iter().map(|signer| {
            let text = signer.key.trim();
            let key =
                if text.lines().count() > 1 { PublicKey::decode(text) } else { PublicKey::from_base64(text) };
            match key {
                Ok(key) => Ok((signer, key)),
                Err(source) => Err(KeyError { name: signer.name, source }),
            }
        });
        Ok(Self {
            known: known.collect::<Result<_, _>>()?,
            task_queues: task_queues.to_vec(),
            namespace: namespace.to_owned(),
        })
    }

    /// Gives the name of who signed a module and may.
    ///
    /// # Errors
    ///
    /// When it is not signed, or by none of them.
    pub fn check(&self, module: &SignedModule) -> Result<&str, SignatureError> {
        let text = module.signature.as_deref().ok_or(SignatureError::Missing)?;
        let invalid = |error: Error| SignatureError::Invalid(error.to_string());
        let signature = Signature::decode(text).map_err(invalid)?;
        let mut refused = None;
        for (signer, key) in &self.known {
            // Only signatures over a hash of the module, as minisign has written them since 2016.
            match key.verify(&module.bytes, &signature, false) {
                Ok(()) => match self.outside(signer) {
                    None => return Ok(&signer.name),
                    Some(place) => {
                        let elsewhere = SignatureError::Elsewhere { signer: signer.name.clone(), place };
                        refused = Some(elsewhere);
                    }
                },
                Err(Error::UnexpectedKeyId) => {}
                Err(error) => refused = refused.or_else(|| Some(invalid(error))),
            }
        }
        let names = || self.known.iter().map(|(signer, _)| signer.name.clone()).collect();
        Err(refused.unwrap_or_else(|| SignatureError::Unknown(names())))
    }

    /// What the host serves that the signer may not sign for.
    fn outside(&self, signer: &Signer) -> Option<String> {
        let allows =
            |allowed: &[String], name: &str| allowed.is_empty() || allowed.iter().any(|it| it == name);
        if !allows(&signer.namespaces, &self.namespace) {
            return Some(format!("namespace {}", self.namespace));
        }
        let queue = self.task_queues.iter().find(|queue| !allows(&signer.task_queues, queue))?;
        Some(format!("task queue {queue}"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use minisign::KeyPair;

    use super::*;

    fn signed(pair: &KeyPair, bytes: &[u8]) -> SignedModule {
        let signature = minisign::sign(None, &pair.sk, Cursor::new(bytes), None, None).unwrap();
        SignedModule { bytes: bytes.to_vec(), signature: Some(signature.into_string()) }
    }

    fn signer(name: &str, pair: &KeyPair, task_queues: &[&str], namespaces: &[&str]) -> Signer {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let key = pair.pk.to_base64();
        Signer { name: name.to_owned(), key, task_queues: owned(task_queues), namespaces: owned(namespaces) }
    }

    #[test]
    fn a_module_is_trusted_by_its_signer_on_all_queues_of_the_host() {
        let [release, ours, stranger] = [(); 3].map(|()| KeyPair::generate_unencrypted_keypair().unwrap());
        let module = signed(&release, b"module");
        let check = |signers: Vec<Signer>, module: &SignedModule, expected: &str| {
            let queues = ["orders".to_owned(), "refunds".to_owned()];
            let signers = Signers::new(signers, "shop", &queues).unwrap();
            let found = match signers.check(module) {
                Ok(name) => name.to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(found.contains(expected), "{found}");
        };
        let everywhere = || signer("release", &release, &[], &[]);
        check(vec![signer("ours", &ours, &[], &[]), everywhere()], &module, "release");
        check(vec![signer("release", &release, &["orders", "refunds"], &["shop"])], &module, "release");
        check(
            vec![signer("release", &release, &["orders"], &[])],
            &module,
            "may not sign for task queue refunds",
        );
        check(vec![signer("release", &release, &[], &["test"])], &module, "may not sign for namespace shop");
        check(vec![everywhere()], &signed(&stranger, b"module"), "trusts: release");
        check(
            vec![everywhere()],
            &SignedModule { bytes: b"other".to_vec(), ..module.clone() },
            "is not valid",
        );
        check(vec![everywhere()], &SignedModule { signature: None, ..module.clone() }, "it is not signed");
        check(
            vec![everywhere()],
            &SignedModule { signature: Some("?".to_owned()), ..module },
            "is not valid",
        );
        let error =
            Signers::new(vec![Signer { key: "?".to_owned(), ..everywhere() }], "shop", &[]).unwrap_err();
        assert_eq!(error.to_string(), "the key of signer `release` is no public key of minisign");
        let file = format!("untrusted comment: minisign public key\n{}\n", release.pk.to_base64());
        Signers::new(vec![Signer { key: file, ..everywhere() }], "shop", &[]).unwrap();
    }

    #[test]
    fn a_signature_is_beside_its_module() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.wasm");
        std::fs::write(&path, b"module").unwrap();
        assert_eq!(SignedModule::read(&path).unwrap().signature, None);
        assert_eq!(signature_path(&path), folder.path().join("orders.wasm.minisig"));
        std::fs::write(signature_path(&path), "signature").unwrap();
        assert_eq!(SignedModule::read(&path).unwrap().signature.as_deref(), Some("signature"));
        for bad in [vec![0xff], vec![b'a'; MAX_SIGNATURE_BYTES + 1]] {
            std::fs::write(signature_path(&path), bad).unwrap();
            assert!(SignedModule::read(&path).is_err());
        }
    }
}
