//! Finds the modules that may execute a run: reads history as far as it takes, and looks in the
//! catalog.

use std::sync::Arc;

use bytes::Bytes;
use host_sandbox::Digest;
use host_wire::{History, RawEvent, temporal::api::common::v1::WorkflowExecution};

use super::{
    history::PolledHistory,
    task_error::{Missing, TaskError},
};
use crate::{
    connection::Connection,
    modules::{
        LoadedModule,
        catalog::{Catalog, ResolveError},
        pinning::{ModuleChoice, choose},
    },
};

/// Where modules come from, and where history is looked up.
#[derive(Debug)]
pub(crate) struct ModuleFinder<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) catalog: &'a Arc<Catalog>,
}

/// The modules to try, in this order: the next one if history does not replay clean on one.
#[derive(Debug)]
pub(crate) struct Candidates {
    pub(crate) first: Arc<LoadedModule>,
    pub(crate) fallback: Option<Arc<LoadedModule>>,
}

impl ModuleFinder<'_> {
    /// For a task of a run that is not cached.
    pub(crate) async fn candidates(
        &self,
        execution: &WorkflowExecution,
        workflow_type: &str,
        polled: &PolledHistory,
    ) -> Result<Candidates, TaskError> {
        let newest = || {
            let newest = self.catalog.newest_for_type(workflow_type);
            newest.ok_or_else(|| {
                TaskError::Missing(Missing::Type {
                    workflow_type: workflow_type.to_owned(),
                    known: self.catalog.known_types(),
                })
            })
        };
        match self.choose(execution, polled).await? {
            ModuleChoice::Newest | ModuleChoice::NewestIfClean { fallback: None } => {
                Ok(Candidates { first: newest()?, fallback: None })
            }
            ModuleChoice::Named(digest) => {
                Ok(Candidates { first: self.resolve(digest).await?, fallback: None })
            }
            ModuleChoice::NewestIfClean { fallback: Some(named) } => match newest() {
                Ok(first) if first.digest() == named => Ok(Candidates { first, fallback: None }),
                Ok(first) => Ok(Candidates { first, fallback: self.resolve(named).await.ok() }),
                Err(_) => Ok(Candidates { first: self.resolve(named).await?, fallback: None }),
            },
        }
    }

    async fn choose(
        &self,
        execution: &WorkflowExecution,
        polled: &PolledHistory,
    ) -> Result<ModuleChoice, TaskError> {
        if let Some(events) = polled.whole_history() {
            return Ok(choose(events.iter().rev())?.unwrap_or(ModuleChoice::Newest));
        }
        let mut newest_first: Vec<RawEvent> = Vec::new();
        let mut token = Bytes::new();
        loop {
            let page = self.connection.history_page_reverse(execution, token).await;
            let page = page.map_err(TaskError::Fetch)?;
            let encoded = page.history.map(History::into_encoded).unwrap_or_default();
            for event in encoded {
                newest_first.push(RawEvent::new(event)?);
            }
            if let Some(choice) = choose(&newest_first)? {
                return Ok(choice);
            }
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(ModuleChoice::Newest);
            }
        }
    }

    /// The module of a digest: loaded, or compiled now, which takes a while.
    async fn resolve(&self, digest: Digest) -> Result<Arc<LoadedModule>, TaskError> {
        match self.catalog.resolve(&digest).await {
            Ok(module) => Ok(module),
            Err(ResolveError::Unknown { .. }) => {
                Err(TaskError::Missing(Missing::Module { digest, known: self.catalog.known_types() }))
            }
            Err(error) => Err(TaskError::Module { digest, source: Box::new(error) }),
        }
    }
}
