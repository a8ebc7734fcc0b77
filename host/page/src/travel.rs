//! Time travel: a run as it was at an event of its history, by replay on the module that executed it.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use host_sandbox::{Config, Digest, Engine};
use host_wire::{
    History,
    temporal::api::query::v1::{WorkflowQuery, WorkflowQueryResult},
};
use host_worker::{
    modules::{
        LoadedModule, build_id,
        signed::{SignedModule, Signers},
        store::{ModuleStore, StoreAccess, StoreError},
    },
    workflow::replay::query_at_end,
};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use crate::fault::{Fault, Shown, chain};

/// Replays at one time: they take processors from the workflows that the host runs.
const MAX_REPLAYS: usize = 1;
/// Guests of a replay: the one that is asked, one that explains a difference, and one that is dropped.
const GUESTS: u32 = 4;
/// Modules that stay loaded.
const MAX_LOADED: usize = 4;

/// Loads modules and replays on them, beside the host's own workflows: in an engine of its own, made when it is needed.
#[derive(Debug)]
pub(crate) struct Travel {
    data_folder: PathBuf,
    config: Config,
    signers: Option<Signers>,
    engine: AsyncMutex<Option<Engine>>,
    /// The latest first.
    loaded: Mutex<VecDeque<Arc<LoadedModule>>>,
    replays: Semaphore,
}

impl Travel {
    /// Loads modules of a data folder, with the limits that its host has, and those only that it would load.
    pub(crate) fn new(data_folder: PathBuf, config: Config, signers: Option<Signers>) -> Self {
        Self {
            data_folder,
            config: Config { instances: GUESTS, ..config },
            signers,
            engine: AsyncMutex::new(None),
            loaded: Mutex::default(),
            replays: Semaphore::new(MAX_REPLAYS),
        }
    }

    /// The module that has a build id.
    pub(crate) async fn module_of_build(&self, build: &str) -> Shown<Arc<LoadedModule>> {
        let digest = build_id::parse(build).ok_or_else(|| {
            Fault::mistake(format!(
                "{build} is the build of a worker of another kind, of which there is no module here."
            ))
        })?;
        self.module(digest).await
    }

    /// A module of the data folder.
    pub(crate) async fn module(&self, digest: Digest) -> Shown<Arc<LoadedModule>> {
        if let Some(module) = self.loaded(digest) {
            return Ok(module);
        }
        // One at a time, so that a module is compiled once.
        let mut engine = self.engine.lock().await;
        if let Some(module) = self.loaded(digest) {
            return Ok(module);
        }
        let (made, folder, config) = (engine.take(), self.data_folder.clone(), self.config.clone());
        let signers = self.signers.clone();
        // Compiling takes seconds.
        let loading = tokio::task::spawn_blocking(move || {
            let read = read(&folder, digest, signers.as_ref());
            load(made, config, read)
        });
        let (made, loaded) = loading.await.map_err(|error| Fault::of(&error))?;
        *engine = made;
        let module = loaded?;
        if let Ok(mut loaded) = self.loaded.lock() {
            loaded.push_front(Arc::clone(&module));
            loaded.truncate(MAX_LOADED);
        }
        Ok(module)
    }

    fn loaded(&self, digest: Digest) -> Option<Arc<LoadedModule>> {
        let loaded = self.loaded.lock().ok()?;
        loaded.iter().find(|module| module.digest() == digest).map(Arc::clone)
    }

    /// Replays a history, and asks queries at its end: an answer, or why there is none, for each.
    pub(crate) async fn ask(
        &self,
        module: Arc<LoadedModule>,
        history: History,
        queries: Vec<WorkflowQuery>,
    ) -> Shown<Vec<Result<WorkflowQueryResult, String>>> {
        let _place = self.replays.acquire().await.map_err(|error| Fault::of(&error))?;
        let asked = tokio::task::spawn_blocking(move || {
            let ask = |query| query_at_end(&module, &history, query).map_err(|verdict| verdict.to_string());
            queries.into_iter().map(ask).collect()
        });
        asked.await.map_err(|error| Fault::of(&error))
    }
}

/// The bytes of a module of the data folder, which a signer has signed, and the file that it came from.
fn read(data_folder: &Path, digest: Digest, signers: Option<&Signers>) -> Shown<(Vec<u8>, Option<PathBuf>)> {
    let missing =
        || Fault::missing(format!("Module {digest} is not in the data folder {}.", data_folder.display()));
    // Opening would make the folder.
    if !data_folder.join("modules").is_dir() {
        return Err(missing());
    }
    let failed = |error: StoreError| Fault::of(&error);
    let store = ModuleStore::open(data_folder, StoreAccess::AsItIs).map_err(failed)?;
    let source = store.find(&digest).map_err(failed)?.map(|admitted| admitted.source);
    let bytes = store.bytes(&digest).map_err(failed)?.ok_or_else(missing)?;
    let module = SignedModule { bytes, signature: store.signature(&digest).map_err(failed)? };
    if let Some(Err(error)) = signers.map(|signers| signers.check(&module)) {
        return Err(Fault::mistake(format!("Module {digest} is not trusted: {error}.")));
    }
    Ok((module.bytes, source))
}

/// Loads a module with an engine, which is made if there is none. Gives the engine back in any case.
fn load(
    engine: Option<Engine>,
    config: Config,
    read: Shown<(Vec<u8>, Option<PathBuf>)>,
) -> (Option<Engine>, Shown<Arc<LoadedModule>>) {
    let (bytes, source) = match read {
        Ok(read) => read,
        Err(fault) => return (engine, Err(fault)),
    };
    let engine = match engine.map_or_else(|| Engine::new(config), Ok) {
        Ok(engine) => engine,
        Err(error) => {
            return (None, Err(Fault::broken(format!("failed to start the sandbox: {}", chain(&error)))));
        }
    };
    let module = engine.load(&bytes).map(|module| Arc::new(LoadedModule::new(module, source)));
    let module =
        module.map_err(|error| Fault::broken(format!("failed to load the module: {}", chain(&error))));
    (Some(engine), module)
}

#[cfg(test)]
mod tests {
    use host_worker::modules::signed::Signer;

    use super::*;

    /// SHA-256 of `abc`.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    /// The public key of minisign's documentation.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    /// A module that the host would not load is not loaded here: its bytes do not reach the compiler.
    #[tokio::test]
    async fn only_trusted_modules_are_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let digest = build_id::parse_digest(ABC).unwrap();
        let check = async |signers: Option<Signers>, expected: &str| {
            let travel = Travel::new(folder.path().to_owned(), Config::default(), signers);
            let fault = travel.module(digest).await.unwrap_err();
            assert!(fault.message.contains(expected), "{fault:?}");
        };
        check(None, "is not in the data folder").await;
        let store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
        store.keep(&digest, b"abc", None).unwrap();
        check(None, "failed to load the module").await;
        let signer =
            Signer { name: "Ada".to_owned(), key: KEY.to_owned(), task_queues: vec![], namespaces: vec![] };
        let signers = Signers::new(vec![signer], "default", &[]).unwrap();
        check(Some(signers), "is not trusted: it is not signed").await;
    }
}
