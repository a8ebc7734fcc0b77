//! The manifest of a host's modules: a TOML file with what flags say otherwise, and who may sign.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use host_worker::modules::{policy::SwapPolicy, signed::Signer};
use serde::Deserialize;

use super::modules::Heal;
use crate::exit::Usage;

/// Bytes of a manifest.
const MAX_BYTES: u64 = 1 << 20;

/// What a manifest says. Paths in it are relative to its folder.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Manifest {
    /// Files and folders of modules, the oldest first.
    #[serde(default)]
    pub(crate) modules: Vec<PathBuf>,
    /// Where modules come from that histories name and the data folder lacks.
    pub(crate) modules_from: Option<String>,
    pub(crate) swap_policy: Option<SwapPolicy>,
    pub(crate) heal: Option<Heal>,
    #[serde(default, rename = "signer")]
    signers: Vec<SignerTable>,
}

/// A `[[signer]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SignerTable {
    name: String,
    /// The public key of minisign in base64.
    key: Option<String>,
    /// The file with it.
    key_file: Option<PathBuf>,
    #[serde(default)]
    task_queues: Vec<String>,
    #[serde(default)]
    namespaces: Vec<String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// [`Usage`] when it cannot be read, or says something that is not known.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let refused = |why: String| Usage(format!("--manifest {}: {why}", path.display()));
        let metadata = fs::metadata(path).map_err(|error| refused(error.to_string()))?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(refused(format!("it is no file of at most {MAX_BYTES} bytes")).into());
        }
        let text = fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
        let mut manifest: Self = toml::from_str(&text).map_err(|error| refused(error.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for module in &mut manifest.modules {
            *module = folder.join(&module);
        }
        if let Some(place) = manifest.modules_from.as_mut().filter(|place| !place.contains("://")) {
            *place = folder.join(&place).display().to_string();
        }
        for signer in &mut manifest.signers {
            if let Some(file) = &mut signer.key_file {
                *file = folder.join(&file);
            }
        }
        Ok(manifest)
    }

    /// Who may sign; nothing if modules need no signature.
    ///
    /// # Errors
    ///
    /// [`Usage`] when a key cannot be read.
    pub(crate) fn signers(self) -> Result<Vec<Signer>> {
        let signers = self.signers.into_iter().map(|signer| {
            let SignerTable { name, key, key_file, task_queues, namespaces } = signer;
            let key = match (key, key_file) {
                (Some(key), None) => key,
                (None, Some(file)) => read_key(&file)?,
                _ => return Err(Usage(format!("signer `{name}` needs either `key` or `key-file`")).into()),
            };
            Ok(Signer { name, key, task_queues, namespaces })
        });
        signers.collect()
    }
}

/// The text of a file with a public key.
///
/// # Errors
///
/// [`Usage`] when it cannot be read.
pub(crate) fn read_key(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path);
    Ok(text.map_err(|error| Usage(format!("failed to read the public key {}: {error}", path.display())))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Manifest> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("modules.toml");
        fs::write(&path, text)?;
        fs::write(folder.path().join("release.pub"), "RWQ")?;
        let mut manifest = Manifest::read(&path)?;
        for module in &mut manifest.modules {
            *module = module.strip_prefix(folder.path()).unwrap_or(module).to_owned();
        }
        Ok(manifest)
    }

    #[test]
    fn what_a_manifest_says() {
        let manifest = read(
            r#"
            modules = ["v1.wasm", "/srv/v2.wasm"]
            modules-from = "oci://registry.example/orders"
            swap-policy = "upgrade"
            heal = "never"

            [[signer]]
            name = "release"
            key = "RWQ"
            task-queues = ["orders"]
            namespaces = ["shop"]
            "#,
        )
        .unwrap();
        assert_eq!(manifest.modules, [Path::new("v1.wasm"), Path::new("/srv/v2.wasm")]);
        assert_eq!(manifest.modules_from.as_deref(), Some("oci://registry.example/orders"));
        assert_eq!((manifest.swap_policy, manifest.heal), (Some(SwapPolicy::Upgrade), Some(Heal::Never)));
        let signers = manifest.signers().unwrap();
        assert_eq!((&*signers[0].name, &*signers[0].key), ("release", "RWQ"));
        assert_eq!(signers[0].task_queues, ["orders"]);
        assert_eq!(read("").unwrap().signers().unwrap().len(), 0);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |text: &str, expected: &str| {
            let error = read(text).and_then(Manifest::signers).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("module = []", "unknown field `module`");
        check("swap-policy = \"soon\"", "unknown variant `soon`");
        check("modules = 1", "invalid type");
        check("[[signer]]\nname = \"a\"", "signer `a` needs either `key` or `key-file`");
        check("[[signer]]\nname = \"a\"\nkey = \"b\"\nkey-file = \"c\"", "signer `a` needs either");
        check("[[signer]]\nname = \"a\"\nkey-file = \"not-there.pub\"", "failed to read the public key");
        let folder = tempfile::tempdir().unwrap();
        let error = Manifest::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("it is no file"), "{error}");
    }
}
