//! Which modules there are: those whose files were given serve new runs, and every one that was ever
//! admitted executes the runs that name it.
//!
//! Files decide, the store remembers: a type is served by the module of the files that was admitted
//! last. So a file that is replaced by an older version rolls back, and a type whose module is not
//! among the files any more takes no new runs, the same now as after a restart.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Instant, SystemTime},
};

use host_sandbox::{Background, Digest, Engine, LoadError};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, oneshot, watch};

use super::{
    LoadedModule,
    files::{self, FileError},
    loads::{Begin, Loads, Ticket},
    store::{Admitted, ModuleStore, StoreAccess, StoreError},
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
    store: Mutex<ModuleStore>,
    state: Mutex<State>,
    loads: Arc<Loads>,
    /// How many modules are loaded for runs at one time.
    loaders: Arc<Semaphore>,
    generation: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// What serves new runs, by workflow type; the empty one is the dynamic workflow.
    serving: BTreeMap<String, Served>,
    /// The module of each file.
    files: BTreeMap<PathBuf, Served>,
}

#[derive(Clone, Debug)]
struct Served {
    module: Arc<LoadedModule>,
    /// Position of its admission.
    position: i64,
}

/// Why a catalog cannot be opened, or a file not be admitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// A path that was given has no module.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not a module.
    #[error("load module {}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// Why the sandbox refuses it.
        source: Arc<LoadError>,
    },
    /// Two modules that were never admitted define one workflow type, so that neither is the newer one.
    #[error(
        "{} and {} both define workflow type {}, and neither was admitted before: start with the older \
         one first, or leave one out",
        one.display(),
        other.display(),
        named(workflow_type)
    )]
    Ambiguous {
        /// The workflow type; empty for the dynamic workflow.
        workflow_type: String,
        /// The first file that defines it.
        one: PathBuf,
        /// The second one.
        other: PathBuf,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a digest cannot be resolved to a module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The module was never admitted to this store.
    #[error("module {digest} was never admitted here")]
    Unknown {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
    },
    /// The engine refuses the module, for example after an upgrade of the host.
    #[error("load module {digest}")]
    Load {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
        /// Why the engine refuses it.
        source: Arc<LoadError>,
    },
    /// The system starts no more threads.
    #[error("start a thread to load module {digest}")]
    Thread {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A bug of the host: report it.
    #[error("the thread that loads module {digest} panicked")]
    Panicked {
        /// The SHA-256 of the module's bytes.
        digest: Digest,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of admitting a new or changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The SHA-256 of the module's bytes.
    pub digest: Digest,
    /// Types that it serves from now on.
    pub serves: Vec<String>,
    /// Types that the file's former module defined and that no module serves any more. Runs whose history
    /// names that module go on.
    pub no_longer_served: Vec<String>,
}

/// A file that was read and found to be a module.
struct Candidate {
    path: PathBuf,
    bytes: Vec<u8>,
    module: Arc<LoadedModule>,
}

impl Catalog {
    /// Opens the store and loads every module of the paths. Takes as long as compiling those that are
    /// new.
    ///
    /// # Errors
    ///
    /// When a path has no module, a file is not a module (see [`BadFiles`]), two new ones define the same type, or
    /// the store cannot be used. Then nothing was admitted.
    pub fn open(options: CatalogOptions) -> Result<Self, CatalogError> {
        let CatalogOptions { engine, data_folder, paths, access, bad_files } = options;
        let store = ModuleStore::open(&data_folder, access)?;
        let catalog = Self {
            engine,
            paths,
            store: Mutex::new(store),
            state: Mutex::default(),
            loads: Arc::default(),
            loaders: Arc::new(Semaphore::new(MAX_LOADERS)),
            generation: watch::Sender::new(0),
        };
        let files = files::list(&catalog.paths)?;
        let known = catalog.store().admitted()?;
        let candidates = match bad_files {
            BadFiles::Refuse => files.into_iter().map(|path| catalog.read(path)).collect::<Result<_, _>>()?,
            BadFiles::KeepFormer => catalog.read_or_keep(files, &known)?,
        };
        refuse_ambiguous(&candidates, &known)?;
        for candidate in candidates {
            let position = known
                .iter()
                .find(|admitted| admitted.digest == candidate.module.digest())
                .map(|admitted| admitted.position);
            catalog.take(candidate, position)?;
        }
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
        let state = self.state();
        let served = state.serving.get(workflow_type).or_else(|| state.serving.get(""))?;
        Some(Arc::clone(&served.module))
    }

    /// The types of which new runs are served, sorted. An empty one is the dynamic workflow.
    #[must_use]
    pub fn known_types(&self) -> Vec<String> {
        self.state().serving.keys().cloned().collect()
    }

    /// The modules that serve new runs.
    #[must_use]
    pub fn serving(&self) -> Vec<Arc<LoadedModule>> {
        let state = self.state();
        let modules: BTreeMap<Digest, _> = state
            .serving
            .values()
            .map(|served| (served.module.digest(), Arc::clone(&served.module)))
            .collect();
        modules.into_values().collect()
    }

    /// Every module that was ever admitted, the earliest admission first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn admitted(&self) -> Result<Vec<Admitted>, StoreError> {
        self.store().admitted()
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
                Begin::Failed(source) => return Err(ResolveError::Load { digest: *digest, source }),
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
        let (bytes, source) = {
            let store = self.store();
            let bytes = store.bytes(digest)?.ok_or(ResolveError::Unknown { digest: *digest })?;
            (bytes, store.find(digest)?.map(|admitted| admitted.source))
        };
        match self.engine.load(&bytes) {
            Ok(module) => Ok(ticket.loaded(LoadedModule::new(module, source))),
            Err(error) => Err(ResolveError::Load { digest: *digest, source: ticket.failed(error) }),
        }
    }

    /// Takes the module of a file that is new or has changed. The latest admitted one of a type serves
    /// its new runs, at once. Nothing when the file's module is the one it had.
    ///
    /// # Errors
    ///
    /// When the file is not a module, or cannot be kept: then nothing changes.
    pub fn admit_file(&self, path: &Path) -> Result<Option<Admission>, CatalogError> {
        let candidate = self.read(path.to_owned())?;
        let digest = candidate.module.digest();
        let before = self.state().files.get(path).cloned();
        if before.as_ref().is_some_and(|served| served.module.digest() == digest) {
            return Ok(None);
        }
        let serves: Vec<String> = candidate.module.types().map(str::to_owned).collect();
        self.take(candidate, None)?;
        let state = self.state();
        let former = before.iter().flat_map(|served| served.module.types());
        let no_longer_served =
            former.filter(|name| !state.serving.contains_key(*name)).map(str::to_owned).collect();
        Ok(Some(Admission { digest, serves, no_longer_served }))
    }

    /// A number that grows with every admission: a task that misses a type or a digest is tried again then.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Reads and loads a file. Compiled code comes from the engine's cache where it has it.
    fn read(&self, path: PathBuf) -> Result<Candidate, CatalogError> {
        let bytes = files::read(&path)?;
        self.candidate(path, bytes)
    }

    fn candidate(&self, path: PathBuf, bytes: Vec<u8>) -> Result<Candidate, CatalogError> {
        let digest = Digest(Sha256::digest(&bytes).into());
        let refused = |source| CatalogError::Load { path: path.clone(), source };
        let module = match self.loads.begin_blocking(&digest) {
            Begin::Loaded(module) => module,
            Begin::Failed(error) => return Err(refused(error)),
            Begin::Load(ticket) => match self.engine.load(&bytes) {
                Ok(module) => ticket.loaded(LoadedModule::new(module, Some(path.clone()))),
                Err(error) => return Err(refused(ticket.failed(error))),
            },
            Begin::Wait(_) => unreachable!("begin_blocking waits"),
        };
        Ok(Candidate { path, bytes, module })
    }

    /// Reads files; of one that is not a module, what was last admitted from it.
    fn read_or_keep(&self, files: Vec<PathBuf>, known: &[Admitted]) -> Result<Vec<Candidate>, CatalogError> {
        let mut candidates = Vec::new();
        let mut refused = None;
        for path in files {
            let error = match self.read(path.clone()) {
                Ok(candidate) => {
                    candidates.push(candidate);
                    continue;
                }
                Err(error) => error,
            };
            let former = self.former(&path, known);
            let digest = former.as_ref().map(|former| tracing::field::display(former.module.digest()));
            let reason = &error as &dyn std::error::Error;
            tracing::error!(path = %path.display(), error = reason, goes_on = digest, "a file is not a module");
            candidates.extend(former);
            refused.get_or_insert(error);
        }
        match refused {
            Some(error) if candidates.is_empty() => Err(error),
            _ => Ok(candidates),
        }
    }

    /// The module that was last admitted from a file, if it still loads.
    fn former(&self, path: &Path, known: &[Admitted]) -> Option<Candidate> {
        let admitted = known.iter().rev().find(|admitted| admitted.source == path)?;
        let bytes = self.store().bytes(&admitted.digest).ok().flatten()?;
        self.candidate(path.to_owned(), bytes).ok()
    }

    /// Makes a module the one of its file. Without a position it is admitted now.
    fn take(&self, candidate: Candidate, position: Option<i64>) -> Result<(), CatalogError> {
        let Candidate { path, bytes, module } = candidate;
        let position = match position {
            Some(position) => {
                // The file may have been removed from the store since.
                self.store().keep(&module.digest(), &bytes)?;
                position
            }
            None => self.admit(&path, &bytes, &module)?,
        };
        let mut state = self.state();
        state.files.insert(path, Served { module, position });
        state.serve();
        drop(state);
        self.loads.forget(Instant::now());
        self.generation.send_modify(|generation| *generation += 1);
        Ok(())
    }

    fn admit(&self, path: &Path, bytes: &[u8], module: &LoadedModule) -> Result<i64, StoreError> {
        let types: Vec<&str> = module.types().collect();
        self.store().admit(&module.digest(), bytes, path, &types, SystemTime::now())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done where this is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> MutexGuard<'_, ModuleStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Recomputes which module serves each type.
    fn serve(&mut self) {
        self.serving.clear();
        for served in self.files.values() {
            for name in served.module.types() {
                let latest = self.serving.get(name).is_none_or(|other| other.position < served.position);
                if latest {
                    self.serving.insert(name.to_owned(), served.clone());
                }
            }
        }
    }
}

fn refuse_ambiguous(candidates: &[Candidate], known: &[Admitted]) -> Result<(), CatalogError> {
    let known: BTreeSet<Digest> = known.iter().map(|admitted| admitted.digest).collect();
    let mut new: BTreeMap<&str, &Candidate> = BTreeMap::new();
    for candidate in candidates.iter().filter(|candidate| !known.contains(&candidate.module.digest())) {
        for name in candidate.module.types() {
            match new.insert(name, candidate) {
                Some(other) if other.module.digest() != candidate.module.digest() => {
                    return Err(CatalogError::Ambiguous {
                        workflow_type: name.to_owned(),
                        one: other.path.clone(),
                        other: candidate.path.clone(),
                    });
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn named(workflow_type: &str) -> String {
    if workflow_type.is_empty() {
        "\"dynamic\" (every type without a definition of its own)".to_owned()
    } else {
        format!("`{workflow_type}`")
    }
}
