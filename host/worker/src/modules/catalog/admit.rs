//! Takes modules: what is in a changed file, in a file elsewhere, or in the store.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Instant, SystemTime},
};

use host_sandbox::Digest;
use sha2::{Digest as _, Sha256};

use super::{
    Catalog, CatalogError,
    state::{ModuleFile, Served},
    stored_module,
};
use crate::modules::{
    LoadedModule,
    audit::AuditEntry,
    loads::BeginHere,
    signed::SignedModule,
    store::{Instead, NewAdmission},
};

/// The result of admitting a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The SHA-256 of the module's bytes.
    pub digest: Digest,
    /// Types that it serves from now on.
    pub serves: Vec<String>,
    /// Types that the former modules defined and that no module serves any more. Runs whose history
    /// names such a module go on.
    pub no_longer_served: Vec<String>,
}

/// Bytes that were read and found to be a module, and that have not taken anything yet.
#[derive(Debug)]
pub struct Candidate {
    pub(super) path: PathBuf,
    pub(super) signed: SignedModule,
    pub(super) module: Arc<LoadedModule>,
    /// Whether it is in a file that the catalog was given. Another takes the place of such files.
    pub(super) is_own_file: bool,
}

/// How a candidate is admitted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'a> {
    /// Whether open runs of its types move to it at their next task, where it replays them.
    pub moves: bool,
    /// What the audit says of it.
    pub audit: Option<&'a AuditEntry>,
}

impl Candidate {
    /// The module.
    #[must_use]
    pub fn module(&self) -> &Arc<LoadedModule> {
        &self.module
    }

    /// The file that it comes from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The module, its file, and its bytes with their signature.
    pub(crate) fn into_parts(self) -> (Arc<LoadedModule>, PathBuf, SignedModule) {
        (self.module, self.path, self.signed)
    }
}

impl Catalog {
    /// What is in a file that the catalog was given, or that is new in a folder of such files. Nothing when the file has
    /// what it had.
    ///
    /// # Errors
    ///
    /// When the file is not a module.
    pub fn changed_file(&self, path: &Path) -> Result<Option<Candidate>, CatalogError> {
        let candidate = self.read(path.to_owned())?;
        let had = self.state().file(path).and_then(|file| file.content);
        Ok(if had == Some(candidate.module.digest()) { None } else { Some(candidate) })
    }

    /// What is in any file.
    ///
    /// # Errors
    ///
    /// When the file is not a module.
    pub fn candidate(&self, path: &Path) -> Result<Candidate, CatalogError> {
        let own = self.state().same_file(path);
        let is_own_file = own.is_some();
        Ok(Candidate { is_own_file, ..self.read(own.unwrap_or_else(|| path.to_owned()))? })
    }

    /// Bytes that were a candidate before, and came from a file.
    ///
    /// # Errors
    ///
    /// When they cannot be loaded any more.
    pub(crate) fn candidate_of(
        &self,
        path: PathBuf,
        signed: SignedModule,
    ) -> Result<Candidate, CatalogError> {
        Ok(Candidate { is_own_file: false, ..self.load(path, signed)? })
    }

    /// A module that was admitted before.
    ///
    /// # Errors
    ///
    /// When it was not, or cannot be loaded.
    pub fn stored_candidate(&self, digest: &Digest) -> Result<Candidate, CatalogError> {
        let (stored, admitted) = {
            let store = self.store();
            (stored_module(&store, digest)?, store.find(digest)?)
        };
        let (Some(stored), Some(admitted)) = (stored, admitted) else {
            return Err(CatalogError::NotAdmitted { digest: *digest });
        };
        self.candidate_of(admitted.source, stored)
    }

    /// The modules that serve types of a candidate now, each once.
    #[must_use]
    pub fn formers(&self, candidate: &Candidate) -> Vec<Arc<LoadedModule>> {
        let state = self.state();
        let mut seen = BTreeSet::new();
        let serving = candidate.module.types().filter_map(|name| state.defining(name));
        let serving = serving.filter(|served| seen.insert(served.module.digest()));
        serving.map(|served| Arc::clone(&served.module)).collect()
    }

    /// Admits a candidate: it serves new runs of its types from now on, also after a restart. One that is not in a file of
    /// the catalog does so in the place of the files whose modules served its types, until these files change.
    ///
    /// # Errors
    ///
    /// When it cannot be kept, or no file serves its types: then nothing changes.
    pub fn admit(&self, candidate: Candidate, terms: Terms<'_>) -> Result<Admission, CatalogError> {
        let Candidate { path, signed, module, is_own_file } = candidate;
        let types: Vec<&str> = module.types().collect();
        let replaced = {
            let state = self.state();
            if is_own_file {
                let former = state.file(&path).map(|file| file.served.clone());
                let content = Some(module.digest());
                former.map(|served| vec![(path.clone(), ModuleFile { content, served })]).unwrap_or_default()
            } else {
                state.files_that_serve(&types)
            }
        };
        if replaced.is_empty() && !is_own_file {
            return Err(CatalogError::NoFile { path });
        }
        let instead_of: Vec<(PathBuf, Digest)> = replaced
            .iter()
            .filter(|_| !is_own_file)
            .filter_map(|(path, file)| Some((path.clone(), file.content?)))
            .collect();
        let digest = module.digest();
        let position = self.store().admit(&NewAdmission {
            digest: &digest,
            bytes: &signed.bytes,
            signature: signed.signature.as_deref(),
            source: &path,
            types: &types,
            moves: terms.moves,
            instead_of: &instead_of,
            audit: terms.audit,
            now: SystemTime::now(),
        })?;
        let serves: Vec<String> = types.iter().map(ToString::to_string).collect();
        let served = Served { module: Arc::clone(&module), position, moves: terms.moves };
        let mut state = self.state();
        if is_own_file {
            state.set_file(path, ModuleFile { content: Some(digest), served });
        } else {
            for (path, file) in &replaced {
                let file = ModuleFile { content: file.content, served: served.clone() };
                state.set_file(path.clone(), file);
            }
        }
        let former: BTreeSet<&str> =
            replaced.iter().flat_map(|(_, file)| file.served.module.types()).collect();
        let gone = former.into_iter().filter(|name| state.defining(name).is_none());
        let no_longer_served = gone.map(str::to_owned).collect();
        // A canary ends with its promotion, in the store as well.
        state.canary.take_if(|canary| canary.module.digest() == digest);
        drop(state);
        self.changed();
        Ok(Admission { digest, serves, no_longer_served })
    }

    /// Takes note that a candidate is not taken: what serves in its file's place goes on, also after a restart, until the
    /// file changes.
    ///
    /// # Errors
    ///
    /// When that cannot be written.
    pub fn refuse(&self, candidate: &Candidate, entry: &AuditEntry) -> Result<(), CatalogError> {
        let content = candidate.module.digest();
        let former = {
            let state = self.state();
            let of_file = state.file(&candidate.path).map(|file| file.served.clone());
            of_file.or_else(|| candidate.module.types().find_map(|name| state.defining(name)).cloned())
        };
        let Some(served) = former.filter(|_| candidate.is_own_file) else {
            return Ok(self.store().audit(entry)?);
        };
        let instead = Instead { content, digest: served.module.digest() };
        self.store().serve_instead(&candidate.path, instead, entry)?;
        let file = ModuleFile { content: Some(content), served };
        self.state().set_file(candidate.path.clone(), file);
        Ok(())
    }

    /// Takes the module of a file that is new or has changed, at once. Nothing when the file's module is the one it had.
    ///
    /// # Errors
    ///
    /// When the file is not a module, or cannot be kept: then nothing changes.
    pub fn admit_file(&self, path: &Path) -> Result<Option<Admission>, CatalogError> {
        let candidate = self.changed_file(path)?;
        candidate.map(|candidate| self.admit(candidate, Terms::default())).transpose()
    }

    /// Reads and loads a file. Compiled code comes from the engine's cache where it has it.
    pub(super) fn read(&self, path: PathBuf) -> Result<Candidate, CatalogError> {
        let signed = SignedModule::read(&path)?;
        self.load(path, signed)
    }

    pub(super) fn load(&self, path: PathBuf, signed: SignedModule) -> Result<Candidate, CatalogError> {
        // Before it is compiled.
        let trusted = self.check_signature(&signed);
        trusted.map_err(|source| CatalogError::Signature { path: path.clone(), source })?;
        let digest = Digest(Sha256::digest(&signed.bytes).into());
        let refused = |source| CatalogError::Load { path: path.clone(), source };
        let module = match self.loads.begin_blocking(&digest) {
            BeginHere::Loaded(module) => module,
            BeginHere::Refused(error) => return Err(refused(error)),
            BeginHere::Load(ticket) => match self.engine.load(&signed.bytes) {
                Ok(module) => ticket.loaded(LoadedModule::new(module, Some(path.clone()))),
                Err(error) => return Err(refused(ticket.refused(error))),
            },
        };
        Ok(Candidate { path, signed, module, is_own_file: true })
    }

    /// Tells tasks that wait for a module.
    pub(super) fn changed(&self) {
        self.loads.forget(Instant::now());
        self.generation.send_modify(|generation| *generation += 1);
    }
}
