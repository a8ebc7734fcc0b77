//! Which modules there are: those whose files were given serve new runs, and every one that was ever
//! admitted executes the runs that name it.
//!
//! Files decide, the store remembers: a type is served by the module of the files that was admitted
//! last. So a file that is replaced by an older version rolls back, and a type whose module is not
//! among the files any more takes no new runs, the same now as after a restart. A swap by hand, a rollback and a
//! refusal are remembered together with the content of the file in whose place another module serves, until that
//! content changes.

mod admit;
mod canary;
mod error;
mod fetch;
mod kept;
mod moves;
mod open;
mod state;
mod store_watch;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

pub use admit::{Admission, Candidate, Terms};
pub(crate) use canary::TaskOutcome;
pub use error::{CatalogError, ResolveError};
use host_sandbox::{Background, Digest, Engine};
pub(crate) use state::Served;
use state::State;
pub use store_watch::StoreWatch;
use tokio::sync::{Semaphore, oneshot, watch};

use super::{
    LoadedModule,
    audit::AuditEntry,
    loads::{Begin, Loads, Ticket},
    origin::ModuleOrigin,
    signed::{SignatureError, SignedModule, Signers},
    store::{Admitted, LoadedHere, ModuleStore, StoreAccess, StoreError},
};

/// Modules that are loaded for runs at one time. Each has a thread and, where it is not cached, a compiler.
const MAX_LOADERS: usize = 4;

/// How a [`Catalog`] is opened.
#[derive(Clone, Debug)]
pub struct CatalogOptions {
    /// Loads modules.
    pub engine: Engine,
    /// Where modules are kept; see [`ModuleStore`].
    pub data_folder: PathBuf,
    /// Files, and folders of `*.wasm` files, whose modules serve new runs.
    pub paths: Vec<PathBuf>,
    /// Who may use the folder of modules.
    pub access: StoreAccess,
    /// What becomes of a file that is not a module.
    pub bad_files: BadFiles,
    /// What becomes of a file that was changed since its module was admitted.
    pub changed_files: ChangedFiles,
    /// Which of several new modules of one type is the newer one.
    pub order: FileOrder,
    /// Who must have signed a module before it is loaded; nothing if modules need no signature.
    pub signers: Option<Signers>,
    /// Where modules come from that histories name and the store lacks.
    pub origin: Option<Arc<dyn ModuleOrigin>>,
}

impl CatalogOptions {
    /// Modules of paths, kept in a data folder of the user, with defaults for the rest.
    #[must_use]
    pub fn new(engine: Engine, data_folder: PathBuf, paths: Vec<PathBuf>) -> Self {
        Self {
            engine,
            data_folder,
            paths,
            access: StoreAccess::default(),
            bad_files: BadFiles::default(),
            changed_files: ChangedFiles::default(),
            order: FileOrder::default(),
            signers: None,
            origin: None,
        }
    }
}

/// Which of several modules that define one workflow type is the newer one, when a [`Catalog`] is opened and none of them was
/// admitted before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileOrder {
    /// That cannot be told: the catalog is not opened.
    #[default]
    Unknown,
    /// The one whose file comes later in the paths; in a folder by name, numbers in names by their value. A new module does
    /// not take the types of an admitted one whose file comes later.
    OldestFirst,
}

/// What becomes of a file that was changed since its module was admitted, when a [`Catalog`] is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChangedFiles {
    /// It is admitted, and serves new runs at once.
    #[default]
    Admit,
    /// Its former module goes on until the change is admitted: [`Catalog::changed_file`] gives it.
    KeepFormer,
}

/// What becomes of a file that is not a module when a [`Catalog`] is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadFiles {
    /// The catalog is not opened.
    #[default]
    Refuse,
    /// It is reported, and the module that was last admitted from it goes on serving: as a host does that watches
    /// its files, so that a restart changes nothing. The catalog is not opened if no file has a module.
    KeepFormer,
}

/// The modules of a host.
#[derive(Debug)]
pub struct Catalog {
    engine: Engine,
    paths: Vec<PathBuf>,
    signers: Option<Signers>,
    origin: Option<Arc<dyn ModuleOrigin>>,
    store: Mutex<ModuleStore>,
    state: Mutex<State>,
    /// What other hosts on the store were told is loaded here. Locked before the store.
    said_loaded: Mutex<Option<LoadedHere>>,
    loads: Arc<Loads>,
    /// How many modules are loaded for runs at one time.
    loaders: Arc<Semaphore>,
    generation: watch::Sender<u64>,
    /// The canary may be at another place than it was: it began or ended, something of it failed, or it has enough tasks.
    canary_news: watch::Sender<()>,
}

impl Catalog {
    /// Opens the store and loads every module of the paths. Takes as long as compiling those that are
    /// new.
    ///
    /// # Errors
    ///
    /// When a path has no module, a file is not a module (see [`BadFiles`]), two new ones define the same type (see
    /// [`FileOrder`]), or the store cannot be used. Then nothing was admitted.
    pub fn open(options: CatalogOptions) -> Result<Self, CatalogError> {
        let CatalogOptions {
            engine,
            data_folder,
            paths,
            access,
            bad_files,
            changed_files,
            order,
            signers,
            origin,
        } = options;
        let store = ModuleStore::open(&data_folder, access)?;
        let catalog = Self {
            engine,
            paths,
            signers,
            origin,
            store: Mutex::new(store),
            state: Mutex::default(),
            said_loaded: Mutex::default(),
            loads: Arc::default(),
            loaders: Arc::new(Semaphore::new(MAX_LOADERS)),
            generation: watch::Sender::new(0),
            canary_news: watch::Sender::new(()),
        };
        catalog.open_files(bad_files, changed_files, order)?;
        Ok(catalog)
    }

    /// What compiling modules takes places of.
    #[must_use]
    pub fn background(&self) -> Arc<Background> {
        Arc::clone(self.engine.background())
    }

    /// The files and folders that were given.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The module for new runs of a type: the one that defines it, else the one with a dynamic
    /// workflow.
    #[must_use]
    pub fn newest_for_type(&self, workflow_type: &str) -> Option<Arc<LoadedModule>> {
        self.serving_type(workflow_type).map(|served| served.module)
    }

    /// The same with the terms of its admission.
    pub(crate) fn serving_type(&self, workflow_type: &str) -> Option<Served> {
        self.state().serving(workflow_type).cloned()
    }

    /// The position of a module's latest admission. Nothing when it was never admitted, or the store cannot be read.
    pub(crate) fn position(&self, digest: &Digest) -> Option<i64> {
        self.store().find(digest).ok().flatten().map(|admitted| admitted.position)
    }

    /// The types of which new runs are served, sorted. An empty one is the dynamic workflow.
    #[must_use]
    pub fn known_types(&self) -> Vec<String> {
        self.state().types().cloned().collect()
    }

    /// The modules that serve new runs.
    #[must_use]
    pub fn serving(&self) -> Vec<Arc<LoadedModule>> {
        let modules = self.state().modules();
        modules.into_values().map(|served| served.module).collect()
    }

    /// Every module that was ever admitted, the earliest admission first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn admitted(&self) -> Result<Vec<Admitted>, StoreError> {
        self.store().admitted()
    }

    /// The latest entries of the audit, the earliest first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn audit_log(&self, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.store().audit_log(limit)
    }

    /// Writes an entry of the audit.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.store().audit(entry)
    }

    /// Lets open runs of one module move to another at their next task, where it replays them.
    ///
    /// # Errors
    ///
    /// When one of them was never admitted, or the store cannot be written.
    pub fn adopt(&self, from: &Digest, to: &Digest, entry: &AuditEntry) -> Result<(), CatalogError> {
        let mut store = self.store();
        if store.find(to)?.is_none() {
            return Err(CatalogError::NotAdmitted { digest: *to });
        }
        store.adopt(from, to, entry)?;
        drop(store);
        self.state().adoptions.insert(*from, *to);
        self.changed();
        Ok(())
    }

    /// The module that open runs of this one may move to, by [`Catalog::adopt`].
    pub(crate) fn adopts(&self, from: &Digest) -> Option<Digest> {
        self.state().adoptions.get(from).copied()
    }

    /// The module that a history names. Loads it unless it is in use: on a thread of its own, because compiling may
    /// take minutes. That thread ends with the process, which does not wait for it.
    ///
    /// # Errors
    ///
    /// When it was never admitted to this store, does not load, or did not load within the last minute.
    pub async fn resolve(self: &Arc<Self>, digest: &Digest) -> Result<Arc<LoadedModule>, ResolveError> {
        loop {
            let ticket = match self.loads.begin(digest, Instant::now()) {
                Begin::Loaded(module) => return Ok(module),
                Begin::Failed(failure) => return Err(failure.of(*digest)),
                Begin::Wait(mut ended) => {
                    // It closes when the load has ended, and never changes.
                    let _ = ended.changed().await;
                    continue;
                }
                Begin::Load(ticket) => ticket,
            };
            // The semaphore is never closed.
            let place = Arc::clone(&self.loaders).acquire_owned().await.ok();
            let (answer, answered) = oneshot::channel();
            let (catalog, wanted) = (Arc::clone(self), *digest);
            thread::Builder::new()
                .name("load-module".to_owned())
                .spawn(move || {
                    let outcome = catalog.load_stored(&wanted, ticket);
                    drop(place);
                    // The task may have been given up meanwhile: the module is there for the next one.
                    let _ = answer.send(outcome);
                })
                .map_err(|source| ResolveError::Thread { digest: *digest, source })?;
            // A load that panicked has dropped its ticket, and is tried again by the next task.
            match answered.await {
                Ok(outcome) => return outcome,
                Err(_) => return Err(ResolveError::Panicked { digest: *digest }),
            }
        }
    }

    fn load_stored(&self, digest: &Digest, ticket: Ticket) -> Result<Arc<LoadedModule>, ResolveError> {
        let stored = {
            let store = self.store();
            let source = store.find(digest)?.map(|admitted| admitted.source);
            stored_module(&store, digest)?.map(|module| (module, source))
        };
        let Some((module, source)) = stored else { return self.load_fetched(digest, ticket) };
        let (loaded, ticket) = self.load_signed(&module, digest, source, ticket)?;
        Ok(ticket.loaded(loaded))
    }

    /// Loads a module if its signer may be trusted. The ticket comes back, because the module may have to be kept first.
    fn load_signed(
        &self,
        module: &SignedModule,
        digest: &Digest,
        source: Option<PathBuf>,
        ticket: Ticket,
    ) -> Result<(LoadedModule, Ticket), ResolveError> {
        self.check_signature(module).map_err(|source| ResolveError::Signature { digest: *digest, source })?;
        match self.engine.load(&module.bytes) {
            Ok(module) => Ok((LoadedModule::new(module, source), ticket)),
            Err(error) => Err(ResolveError::Load { digest: *digest, source: ticket.refused(error) }),
        }
    }

    /// Checks who signed a module, where that counts.
    fn check_signature(&self, module: &SignedModule) -> Result<(), SignatureError> {
        match &self.signers {
            Some(signers) => signers.check(module).map(drop),
            None => Ok(()),
        }
    }

    /// A number that grows with every admission: a task that misses a type or a digest is tried again then.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// The number that [`Catalog::subscribe`] watches.
    pub(crate) fn generation(&self) -> u64 {
        *self.generation.borrow()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done where this is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> MutexGuard<'_, ModuleStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A module of the store, with its signature.
fn stored_module(store: &ModuleStore, digest: &Digest) -> Result<Option<SignedModule>, StoreError> {
    let Some(bytes) = store.bytes(digest)? else { return Ok(None) };
    Ok(Some(SignedModule { bytes, signature: store.signature(digest)? }))
}
