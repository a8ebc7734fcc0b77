//! What a catalog knows in memory: the module of each file, and which one serves each type.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use host_sandbox::Digest;

use super::super::{
    LoadedModule,
    canary::{CanaryCounts, CanaryState},
    store::{Admitted, Instead, RunMove},
};

/// What serves, and for what.
#[derive(Debug, Default)]
pub(super) struct State {
    /// What serves new runs, by workflow type; the empty one is the dynamic workflow.
    serving: BTreeMap<String, Served>,
    files: BTreeMap<PathBuf, ModuleFile>,
    /// Which module open runs of another may move to.
    pub(super) adoptions: BTreeMap<Digest, Digest>,
    /// Runs that were moved by hand, by run id.
    pub(super) moves: HashMap<String, RunMove>,
    pub(super) canary: Option<Canary>,
    /// Modules that are polled for as versions of a worker deployment.
    pub(super) polled: BTreeSet<Digest>,
}

/// A candidate that executes a part of the new runs.
#[derive(Debug)]
pub(super) struct Canary {
    pub(super) module: Arc<LoadedModule>,
    /// As the store has it.
    pub(super) stored: CanaryState,
    /// What was counted here since.
    pub(super) counts: CanaryCounts,
    /// When it was written last: the time since then is not in the store.
    pub(super) saved: Instant,
    /// It was given up, and that could not be written yet.
    pub(super) is_over: bool,
}

impl Canary {
    pub(super) fn new(module: Arc<LoadedModule>, stored: CanaryState) -> Self {
        Self { module, stored, counts: CanaryCounts::default(), saved: Instant::now(), is_over: false }
    }

    /// With what is not in the store yet.
    pub(super) fn state(&self) -> CanaryState {
        let mut state = self.stored.clone();
        state.add(self.counts, self.saved.elapsed());
        state
    }

    /// Whether there are enough tasks to go on, and enough runs to judge it by them.
    pub(super) fn is_enough(&self) -> (bool, bool) {
        let CanaryCounts { tasks, runs, .. } = self.stored.counts + self.counts;
        let enough = self.stored.plan.min_count;
        (tasks >= enough, runs >= enough)
    }
}

/// A module that serves new runs.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) module: Arc<LoadedModule>,
    /// Position of its admission.
    pub(crate) position: i64,
    /// Whether open runs move to it at their next task, where it replays them.
    pub(crate) moves: bool,
}

/// A file, and the module that serves for it: its own, or another in its place.
#[derive(Clone, Debug)]
pub(super) struct ModuleFile {
    /// Digest of what is in it. Nothing while that was not admitted or refused yet.
    pub(super) content: Option<Digest>,
    pub(super) served: Served,
}

/// A file for which another module serves than the store says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outdated {
    pub(super) path: PathBuf,
    /// The module that is to serve.
    pub(super) digest: Digest,
    /// What is in the file then. What it was not before, the file itself has to show.
    pub(super) content: Digest,
}

impl State {
    pub(super) fn file(&self, path: &Path) -> Option<&ModuleFile> {
        self.files.get(path)
    }

    pub(super) fn set_file(&mut self, path: PathBuf, file: ModuleFile) {
        self.files.insert(path, file);
        self.serve();
    }

    pub(super) fn serving(&self, workflow_type: &str) -> Option<&Served> {
        self.serving.get(workflow_type).or_else(|| self.serving.get(""))
    }

    /// What serves exactly this type, and not for every other.
    pub(super) fn defining(&self, workflow_type: &str) -> Option<&Served> {
        self.serving.get(workflow_type)
    }

    pub(super) fn types(&self) -> impl Iterator<Item = &String> {
        self.serving.keys()
    }

    /// The modules that serve, each once.
    pub(super) fn modules(&self) -> BTreeMap<Digest, Served> {
        self.serving.values().map(|served| (served.module.digest(), served.clone())).collect()
    }

    /// The modules of all files, each once: those that serve, and those whose types newer ones have taken.
    pub(super) fn of_files(&self) -> BTreeMap<Digest, Arc<LoadedModule>> {
        let module = |file: &ModuleFile| (file.served.module.digest(), Arc::clone(&file.served.module));
        self.files.values().map(module).collect()
    }

    /// The files whose module serves one of these types.
    pub(super) fn files_that_serve(&self, types: &[&str]) -> Vec<(PathBuf, ModuleFile)> {
        let digests: Vec<Digest> = types
            .iter()
            .filter_map(|name| self.defining(name))
            .map(|served| served.module.digest())
            .collect();
        let serves = |file: &ModuleFile| digests.contains(&file.served.module.digest());
        let files = self.files.iter().filter(|(_, file)| serves(file));
        files.map(|(path, file)| (path.clone(), file.clone())).collect()
    }

    /// The file of a path that may be written in another way.
    pub(super) fn same_file(&self, path: &Path) -> Option<PathBuf> {
        let real = path.canonicalize().ok()?;
        self.files.keys().find(|file| file.canonicalize().is_ok_and(|file| file == real)).cloned()
    }

    /// The files for which another module serves than the store says. What is in a file, and was not looked at yet, says
    /// nothing.
    pub(super) fn outdated(
        &self,
        instead: &BTreeMap<PathBuf, Instead>,
        admitted: &[Admitted],
    ) -> Vec<Outdated> {
        let mut outdated = Vec::new();
        for (path, ModuleFile { content, served }) in &self.files {
            let Some(content) = *content else { continue };
            let instead = instead.get(path).filter(|instead| instead.content == content);
            let of_file =
                admitted.iter().rev().find(|it| it.source == *path && it.position > served.position);
            let (digest, content) = match (instead, of_file) {
                (Some(instead), _) => (instead.digest, content),
                (None, Some(admitted)) => (admitted.digest, admitted.digest),
                (None, None) => (content, content),
            };
            if digest != served.module.digest() {
                outdated.push(Outdated { path: path.clone(), digest, content });
            }
        }
        outdated
    }

    /// Takes over positions and terms of what serves. Whether any are others.
    pub(super) fn take_admissions(&mut self, admitted: &[Admitted]) -> bool {
        let mut is_changed = false;
        for ModuleFile { served, .. } in self.files.values_mut() {
            let own = admitted.iter().find(|admitted| admitted.digest == served.module.digest());
            let Some(Admitted { position, moves, .. }) = own else { continue };
            is_changed |= (served.position, served.moves) != (*position, *moves);
            (served.position, served.moves) = (*position, *moves);
        }
        if is_changed {
            self.serve();
        }
        is_changed
    }

    /// The canary, if it has this digest.
    pub(super) fn canary_of(&mut self, digest: &str) -> Option<&mut Canary> {
        self.canary.as_mut().filter(|canary| canary.stored.digest == digest)
    }

    /// Recomputes which module serves each type.
    fn serve(&mut self) {
        self.serving.clear();
        for ModuleFile { served, .. } in self.files.values() {
            for name in served.module.types() {
                let latest = self.serving.get(name).is_none_or(|other| other.position < served.position);
                if latest {
                    self.serving.insert(name.to_owned(), served.clone());
                }
            }
        }
    }
}
