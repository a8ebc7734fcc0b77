//! Opens a catalog: which module serves for each file after a restart.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use host_sandbox::Digest;

use super::{
    BadFiles, Catalog, CatalogError, ChangedFiles, FileOrder,
    admit::Candidate,
    state::{ModuleFile, Served},
    stored_module,
};
use crate::modules::{
    files,
    store::{Admitted, Instead, NewAdmission},
};

/// What the store says of files.
struct Remembered {
    admitted: Vec<Admitted>,
    instead: BTreeMap<PathBuf, Instead>,
}

/// A file, and the module that serves for it.
struct Opened {
    /// Digest of what is in the file; nothing if that is to be looked at later.
    content: Option<Digest>,
    candidate: Candidate,
}

impl Catalog {
    /// Loads the modules of the paths, and has them serve.
    pub(super) fn open_files(
        &self,
        bad: BadFiles,
        changed: ChangedFiles,
        order: FileOrder,
    ) -> Result<(), CatalogError> {
        let files = files::list(&self.paths)?;
        let remembered = {
            let store = self.store();
            Remembered { admitted: store.admitted()?, instead: store.instead()? }
        };
        {
            let store = self.store();
            let (adoptions, moves) = (store.adoptions()?, store.moves()?);
            let mut state = self.state();
            (state.adoptions, state.moves) = (adoptions, moves);
        }
        let mut opened = Vec::new();
        let mut refused = None;
        for path in files {
            match self.open_file(&path, changed, &remembered) {
                Ok(file) => opened.push(file),
                Err(error) if bad == BadFiles::Refuse => return Err(error),
                Err(error) => {
                    opened.extend(self.keep_former(&path, &error, &remembered));
                    refused.get_or_insert(error);
                }
            }
        }
        if opened.is_empty()
            && let Some(error) = refused
        {
            return Err(error);
        }
        if order == FileOrder::Unknown {
            refuse_ambiguous(opened.iter().map(|opened| &opened.candidate), &remembered.admitted)?;
        }
        // Before they are kept: another host may be about to remove what nothing needs.
        self.say_loaded()?;
        self.take_all(opened, order, &remembered)
    }

    fn take_all(
        &self,
        opened: Vec<Opened>,
        order: FileOrder,
        remembered: &Remembered,
    ) -> Result<(), CatalogError> {
        // Types of the modules that were admitted just now.
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for file in opened {
            let path = &file.candidate.path;
            // It changed, and serves itself again.
            let serves_itself = file.content == Some(file.candidate.module.digest());
            if remembered
                .instead
                .get(path)
                .is_some_and(|instead| serves_itself && Some(instead.content) != file.content)
            {
                self.store().serve_itself(path)?;
            }
            let module = Arc::clone(&file.candidate.module);
            let known = remembered.admitted.iter().find(|admitted| admitted.digest == module.digest());
            // A file before it is new, and would be the newer one: the order says otherwise.
            let is_overtaken =
                order == FileOrder::OldestFirst && module.types().any(|name| taken.contains(name));
            let is_new = known.is_none() || is_overtaken;
            self.take(file, known, is_new)?;
            if is_new {
                taken.extend(module.types().map(str::to_owned));
            }
        }
        Ok(())
    }

    fn open_file(
        &self,
        path: &Path,
        changed: ChangedFiles,
        remembered: &Remembered,
    ) -> Result<Opened, CatalogError> {
        let candidate = self.read(path.to_owned())?;
        let content = candidate.module.digest();
        if let Some(instead) = remembered.instead.get(path).filter(|instead| instead.content == content)
            && let Some(candidate) = self.stored(path, &instead.digest)
        {
            tracing::info!(path = %path.display(), digest = %instead.digest, "another module serves in the place of a file");
            return Ok(Opened { content: Some(content), candidate });
        }
        if changed == ChangedFiles::KeepFormer
            && let Some(former) = former(&candidate, remembered).filter(|former| *former != content)
            && let Some(former) = self.stored(path, &former)
        {
            return Ok(Opened { content: None, candidate: former });
        }
        Ok(Opened { content: Some(content), candidate })
    }

    /// For a file that is not a module, what was last admitted from it.
    fn keep_former(&self, path: &Path, error: &CatalogError, remembered: &Remembered) -> Option<Opened> {
        let former = of_file(path, remembered).and_then(|digest| self.stored(path, &digest));
        let digest = former.as_ref().map(|former| tracing::field::display(former.module.digest()));
        let reason = error as &dyn std::error::Error;
        tracing::error!(path = %path.display(), error = reason, goes_on = digest, "a file is not a module");
        former.map(|candidate| Opened { content: None, candidate })
    }

    /// A stored module for a file, if it still loads.
    pub(super) fn stored(&self, path: &Path, digest: &Digest) -> Option<Candidate> {
        let module = stored_module(&self.store(), digest).ok().flatten()?;
        self.load(path.to_owned(), module).ok()
    }

    /// Has a module serve for its file: with the admission that is known of it, or with a new one, which makes it the
    /// newest.
    fn take(&self, opened: Opened, known: Option<&Admitted>, is_new: bool) -> Result<(), CatalogError> {
        let Opened { content, candidate: Candidate { path, signed, module, .. } } = opened;
        let digest = module.digest();
        let (position, moves) = match known {
            Some(admitted) if !is_new => {
                // The file may have been removed from the store since.
                self.store().keep(&digest, &signed.bytes, signed.signature.as_deref())?;
                (admitted.position, admitted.moves)
            }
            _ => {
                let types: Vec<&str> = module.types().collect();
                // What serves in the place of a file goes on to.
                let content = content.filter(|content| *content != digest);
                let instead_of: Vec<_> = content.map(|content| (path.clone(), content)).into_iter().collect();
                let moves = known.is_some_and(|admitted| admitted.moves);
                let position = self.store().admit(&NewAdmission {
                    digest: &digest,
                    bytes: &signed.bytes,
                    signature: signed.signature.as_deref(),
                    source: known.map_or(&path, |admitted| &admitted.source),
                    types: &types,
                    moves,
                    instead_of: &instead_of,
                    audit: None,
                    now: SystemTime::now(),
                })?;
                (position, moves)
            }
        };
        let served = Served { module, position, moves };
        self.state().set_file(path, ModuleFile { content, served });
        self.changed();
        Ok(())
    }
}

/// What served before the content of a file: for the file, or else for one of its types.
fn former(candidate: &Candidate, remembered: &Remembered) -> Option<Digest> {
    of_file(&candidate.path, remembered).or_else(|| {
        let shares = |admitted: &&Admitted| {
            candidate.module.types().any(|name| admitted.types.iter().any(|admitted| admitted == name))
        };
        remembered.admitted.iter().rev().find(shares).map(|admitted| admitted.digest)
    })
}

/// What served for a file: the module in its place, or what was last admitted from it.
fn of_file(path: &Path, remembered: &Remembered) -> Option<Digest> {
    let instead = remembered.instead.get(path).map(|instead| instead.digest);
    instead.or_else(|| {
        let of_file = remembered.admitted.iter().rev().find(|admitted| admitted.source == path);
        of_file.map(|admitted| admitted.digest)
    })
}

fn refuse_ambiguous<'c>(
    candidates: impl Iterator<Item = &'c Candidate>,
    known: &[Admitted],
) -> Result<(), CatalogError> {
    let known: BTreeSet<Digest> = known.iter().map(|admitted| admitted.digest).collect();
    let mut new: BTreeMap<&str, &Candidate> = BTreeMap::new();
    for candidate in candidates.filter(|candidate| !known.contains(&candidate.module.digest())) {
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
