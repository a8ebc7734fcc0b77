//! Which modules a host runs, where missing ones come from, who must have signed them, and what becomes of open runs when they
//! change: flags, then the manifest.

use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use host_oci::{Artifact, Limits, OciError, Repository};
use host_sandbox::{Digest, limits::MAX_MODULE_BYTES};
use host_worker::modules::{
    catalog::FileOrder,
    origin::ModuleOrigin,
    policy::SwapPolicy,
    signed::{MAX_SIGNATURE_BYTES, SignedModule, Signer, Signers},
};
use serde::Deserialize;
use tokio::runtime::Handle;

use super::manifest::{self, Manifest};
use crate::exit::Usage;

const NO_MODULES: &str = "there are no workflow modules to run: --modules names them, as files or folders \
of *.wasm files.
A module is a workflow crate compiled to a WebAssembly component:
  rustup target add wasm32-wasip2
  cargo rustc --lib --crate-type cdylib --target wasm32-wasip2 --release
  host run --task-queue my-queue --modules target/wasm32-wasip2/release/my_workflows.wasm";

/// What a module and its signature may have when they are pulled.
pub(crate) const PULL_LIMITS: Limits =
    Limits { module_bytes: MAX_MODULE_BYTES as u64, signature_bytes: MAX_SIGNATURE_BYTES as u64 };

/// Arguments on the modules of a host.
#[derive(Args, Debug)]
#[command(next_help_heading = "Modules")]
pub(crate) struct ModuleArgs {
    /// Workflow modules: files, or folders of *.wasm files.
    #[arg(short, long, value_name = "PATH", num_args = 1..)]
    modules: Vec<PathBuf>,
    /// The modules are named oldest first, within a folder by name (v9 before v10): of several that are new to the data folder and
    /// define one workflow type, the last one takes new runs. Without this a host does not start with them.
    #[arg(long)]
    modules_in_order: bool,
    /// Where a module comes from that a history names and the data folder lacks: a folder in the OCI image layout, or
    /// oci://HOST/NAME. Without this only the runs that need it wait.
    #[arg(long, value_name = "FOLDER|REPOSITORY")]
    modules_from: Option<String>,
    /// Public key of minisign, or a file with it: modules must be signed by its owner. Again for each signer; a manifest can
    /// say for which task queues and namespaces.
    #[arg(long = "signer", value_name = "KEY|PATH")]
    signers: Vec<String>,
    /// TOML file with modules (oldest first), modules-from, swap-policy, heal and signers. Flags outrank it.
    #[arg(long, value_name = "PATH")]
    manifest: Option<PathBuf>,
    /// What becomes of open runs when another module takes the new runs of their type: they stay on theirs (pin), move at
    /// their next task where the module replays them (upgrade), or the module is taken only if it replays all of them
    /// (require) [default: pin].
    #[arg(long, value_name = "POLICY")]
    swap_policy: Option<SwapPolicy>,
    /// Whether a run whose module is missing, or fails the same task three times, moves to a newer module that replays it
    /// and completes the task [default: auto].
    #[arg(long, value_name = "WHEN")]
    heal: Option<Heal>,
}

/// Whether runs leave a module that fails them.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Heal {
    /// They do.
    #[default]
    Auto,
    /// They stay until the module is put right, or they are moved by hand.
    Never,
}

/// What flags and manifest say together.
#[derive(Debug)]
pub(crate) struct Modules {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) order: FileOrder,
    pub(crate) swap_policy: SwapPolicy,
    /// Nothing where neither says it.
    pub(crate) heal: Option<Heal>,
    from: Option<Repository>,
    signers: Vec<Signer>,
}

impl ModuleArgs {
    /// Reads the manifest and the keys.
    ///
    /// # Errors
    ///
    /// [`Usage`] when there are no modules, or a file cannot be used.
    pub(crate) fn read(&self) -> Result<Modules> {
        let mut manifest = self.manifest.as_deref().map(Manifest::read).transpose()?.unwrap_or_default();
        let (paths, in_order) = if self.modules.is_empty() {
            (std::mem::take(&mut manifest.modules), true)
        } else {
            (self.modules.clone(), self.modules_in_order)
        };
        if paths.is_empty() {
            return Err(Usage(NO_MODULES.to_owned()).into());
        }
        let from = self.modules_from.clone().or_else(|| manifest.modules_from.take());
        let from = from.map(|place| repository(&place)).transpose()?;
        let swap_policy = self.swap_policy.or(manifest.swap_policy).unwrap_or_default();
        let heal = self.heal.or(manifest.heal);
        let mut signers = manifest.signers()?;
        for key in &self.signers {
            signers.push(signer(key)?);
        }
        let order = if in_order { FileOrder::OldestFirst } else { FileOrder::Unknown };
        Ok(Modules { paths, order, swap_policy, heal, from, signers })
    }
}

impl Modules {
    /// Where missing modules come from.
    pub(crate) fn origin(&self) -> Option<Arc<dyn ModuleOrigin>> {
        let repository = self.from.clone()?;
        Some(Arc::new(Origin { repository, runtime: Handle::current() }))
    }

    /// Who must have signed modules; nothing if they need no signature.
    ///
    /// # Errors
    ///
    /// When a key is none.
    pub(crate) fn trusted(&self, namespace: &str, task_queues: &[String]) -> Result<Option<Signers>> {
        if self.signers.is_empty() {
            return Ok(None);
        }
        let signers = Signers::new(self.signers.clone(), namespace, task_queues);
        Ok(Some(signers.context("failed to read the signers of modules")?))
    }
}

/// A repository that a flag or a manifest names.
///
/// # Errors
///
/// [`Usage`] when it names none.
pub(crate) fn repository(place: &str) -> Result<Repository> {
    Ok(place.parse().map_err(|error: OciError| Usage(error.to_string()))?)
}

/// A key, or the file with it.
fn signer(key: &str) -> Result<Signer> {
    let path = Path::new(key);
    let (name, key) = if path.is_file() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        (name.into_owned(), manifest::read_key(path)?)
    } else {
        (key.to_owned(), key.to_owned())
    };
    Ok(Signer { name, key, task_queues: Vec::new(), namespaces: Vec::new() })
}

/// A repository that modules are fetched from by their digest.
#[derive(Debug)]
struct Origin {
    repository: Repository,
    runtime: Handle,
}

impl ModuleOrigin for Origin {
    fn fetch(&self, digest: &Digest) -> Result<Option<SignedModule>, Box<dyn Error + Send + Sync>> {
        // The caller's thread is none of the runtime.
        match self.runtime.block_on(self.repository.pull(&digest.to_string(), PULL_LIMITS)) {
            Ok(Artifact { bytes, signature }) => Ok(Some(SignedModule { bytes, signature })),
            Err(OciError::Unknown { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn name(&self) -> String {
        self.repository.to_string()
    }
}
