//! A loaded module, as the worker passes it around.

use std::{path::PathBuf, sync::Arc};

use host_sandbox::{Digest, wit::WorkflowDefinition};

use super::build_id;
use crate::workflow::pace::Pace;

/// A module that runs can be instantiated from. Shared by the runs that it executes, and unloaded with
/// the last one.
#[derive(Debug)]
pub struct LoadedModule {
    sandbox: host_sandbox::Module,
    source: Option<PathBuf>,
    /// For each definition.
    paces: Vec<Arc<Pace>>,
}

impl LoadedModule {
    /// A module, and the file it came from, which is shown to people.
    #[must_use]
    pub fn new(sandbox: host_sandbox::Module, source: Option<PathBuf>) -> Self {
        let paces = sandbox.definitions().iter().map(|_| Arc::default()).collect();
        Self { sandbox, source, paces }
    }

    /// The module as the sandbox knows it.
    #[must_use]
    pub fn sandbox(&self) -> &host_sandbox::Module {
        &self.sandbox
    }

    /// The SHA-256 of its bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.sandbox.digest()
    }

    /// The build id by which histories name it.
    #[must_use]
    pub fn build_id(&self) -> String {
        build_id::of(&self.digest())
    }

    /// The file it came from, if it came from one.
    #[must_use]
    pub fn source(&self) -> Option<&PathBuf> {
        self.source.as_ref()
    }

    /// Its workflow types, sorted; an empty name is the dynamic workflow.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.sandbox.definitions().iter().map(|definition| &*definition.name)
    }

    /// The definition that takes runs of a type: its own, or the dynamic one.
    #[must_use]
    pub fn definition(&self, workflow_type: &str) -> Option<&WorkflowDefinition> {
        Some(&self.sandbox.definitions()[self.position(workflow_type)?])
    }

    /// How long the calls of runs of a type take. Of a type that it does not define there are none.
    pub(crate) fn pace(&self, workflow_type: &str) -> Arc<Pace> {
        self.position(workflow_type).map(|position| Arc::clone(&self.paces[position])).unwrap_or_default()
    }

    fn position(&self, workflow_type: &str) -> Option<usize> {
        let definitions = self.sandbox.definitions();
        let find = |name: &str| definitions.iter().position(|definition| definition.name == name);
        find(workflow_type).or_else(|| find(""))
    }

    /// Whether a type has a handler for an update and no validator that could refuse it.
    #[must_use]
    pub fn accepts_every_update(&self, workflow_type: &str, update: &str) -> bool {
        let definition = self.definition(workflow_type);
        let handler = definition.and_then(|it| it.updates.iter().find(|handler| handler.name == update));
        handler.is_some_and(|handler| !handler.has_validator)
    }
}
