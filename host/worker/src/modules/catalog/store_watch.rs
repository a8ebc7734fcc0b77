//! Learns what other hosts on the store have changed while this one runs: what a restart would find there.

use std::{collections::BTreeSet, sync::Arc};

use host_sandbox::Digest;

use super::{
    Catalog, CatalogError,
    admit::Candidate,
    state::{ModuleFile, Outdated, Served, State},
};
use crate::modules::store::Admitted;

/// Looks at the store of a catalog from time to time.
#[derive(Debug)]
pub struct StoreWatch {
    catalog: Arc<Catalog>,
    /// Version of the store that the catalog has.
    seen: Option<i64>,
    /// Digest of a canary that cannot be loaded here: said once.
    refused: Option<String>,
}

impl StoreWatch {
    /// Watches from the next look on. The first one finds all that was written since the catalog was opened.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, seen: None, refused: None }
    }

    /// Has the catalog take over what others have written to the store since the last look: which modules open runs may move
    /// to, which runs were moved, what serves in the place of its files, the canary, and which modules are gone. It reads
    /// from disk, and may compile for minutes. Whether anything was written.
    ///
    /// # Errors
    ///
    /// When the store cannot be read: then all of it is tried at the next look.
    pub fn look(&mut self) -> Result<bool, CatalogError> {
        let (version, outdated) = {
            let store = self.catalog.store();
            let version = store.version()?;
            if self.seen == Some(version) {
                return Ok(false);
            }
            let (instead, admitted) = (store.instead()?, store.admitted()?);
            (version, self.catalog.state().outdated(&instead, &admitted))
        };
        let load = |outdated| self.catalog.load_outdated(&outdated).map(|candidate| (outdated, candidate));
        self.catalog.take_over(outdated.into_iter().filter_map(load).collect())?;
        self.take_canary()?;
        // What was written meanwhile has another version.
        self.seen = Some(version);
        Ok(true)
    }

    /// Loads a canary that another host has begun.
    fn take_canary(&mut self) -> Result<(), CatalogError> {
        let Some(begun) = self.catalog.unknown_canary()? else { return Ok(()) };
        match self.catalog.resume_canary() {
            Ok(Some(state)) => {
                tracing::info!(digest = state.digest, share = %state.share(), "takes part in a canary of another host");
            }
            Ok(None) => {}
            Err(error) if self.refused.as_ref() == Some(&begun) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the canary is still not loaded");
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the canary does not go on: its module takes no new runs");
                self.refused = Some(begun);
            }
        }
        Ok(())
    }
}

impl Catalog {
    /// The module that is to serve for a file: from the store, or from the file where that is new.
    fn load_outdated(&self, Outdated { path, digest, content }: &Outdated) -> Option<Candidate> {
        let known = self.state().file(path).and_then(|file| file.content);
        if known == Some(*content) {
            return self.stored(path, digest);
        }
        self.read(path.clone()).ok().filter(|candidate| candidate.module.digest() == *content)
    }

    /// Takes over what the store has, with the modules that were loaded for files.
    fn take_over(&self, loaded: Vec<(Outdated, Candidate)>) -> Result<(), CatalogError> {
        // Held to the end: what this host writes meanwhile would be taken back.
        let store = self.store();
        let (adoptions, moves, instead) = (store.adoptions()?, store.moves()?, store.instead()?);
        let (admitted, kept, canary) = (store.admitted()?, store.kept()?, store.canary()?);
        let mut known = self.state();
        let mut is_changed = known.adoptions != adoptions || known.moves != moves;
        (known.adoptions, known.moves) = (adoptions, moves);
        for outdated in known.outdated(&instead, &admitted) {
            let candidate = loaded.iter().find(|(loaded, _)| *loaded == outdated);
            let admission = admitted.iter().find(|admitted| admitted.digest == outdated.digest);
            let (Some((_, candidate)), Some(admission)) = (candidate, admission) else { continue };
            serve(&mut known, outdated, candidate, admission);
            is_changed = true;
        }
        is_changed |= known.take_admissions(&admitted);
        let is_news = match (&mut known.canary, canary) {
            (Some(canary), Some(stored)) if canary.stored.digest == stored.digest => {
                std::mem::replace(&mut canary.stored, stored.clone()) != stored
            }
            (None, _) => false,
            (Some(ended), _) => {
                tracing::info!(digest = ended.stored.digest, "a canary has ended in another host");
                known.canary = None;
                is_changed = true;
                true
            }
        };
        let in_use = known.modules().into_keys().chain(known.canary.iter().map(|it| it.module.digest()));
        let known_here: BTreeSet<Digest> =
            in_use.chain(admitted.iter().map(|admitted| admitted.digest)).chain(kept).collect();
        drop(known);
        drop(store);
        self.loads.forget_others(&known_here);
        if is_changed {
            self.changed();
        }
        if is_news {
            self.canary_news.send_replace(());
        }
        Ok(())
    }

    /// Digest of the canary in the store, if this host has another one or none.
    fn unknown_canary(&self) -> Result<Option<String>, CatalogError> {
        let stored = self.store().canary()?.map(|state| state.digest);
        let known = self.canary().map(|state| state.digest);
        Ok(stored.filter(|stored| known.as_ref() != Some(stored)))
    }
}

/// Has a module serve for a file, as another host has decided.
fn serve(known: &mut State, outdated: Outdated, candidate: &Candidate, admission: &Admitted) {
    let Outdated { path, digest, content } = outdated;
    tracing::info!(path = %path.display(), %digest, "serves a module that another host has swapped to");
    let (position, moves) = (admission.position, admission.moves);
    let served = Served { module: Arc::clone(&candidate.module), position, moves };
    known.set_file(path, ModuleFile { content: Some(content), served });
}
