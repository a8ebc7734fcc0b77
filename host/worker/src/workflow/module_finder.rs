//! Finds the modules that may execute a run: reads history as far as it takes, and looks in the
//! catalog.

use std::sync::Arc;

use bytes::Bytes;
use host_sandbox::{Digest, wit::workflow::host::definition::VersioningBehavior};
use host_wire::{History, RawEvent, temporal::api::common::v1::WorkflowExecution};

use super::{
    history::PolledHistory,
    moves::Moves,
    task_error::{Missing, TaskError},
};
use crate::{
    connection::Connection,
    deployment::version::WorkerVersion,
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
    pub(crate) moves: &'a Moves,
}

/// The modules to try, in this order: the next one if history does not replay clean on one.
#[derive(Debug)]
pub(crate) struct Candidates {
    pub(crate) first: Arc<LoadedModule>,
    pub(crate) fallback: Option<Arc<LoadedModule>>,
    /// Whether the first one is another than history names, after a swap whose policy lets open runs move.
    pub(crate) is_move: bool,
}

impl Candidates {
    fn only(first: Arc<LoadedModule>) -> Self {
        Self { first, fallback: None, is_move: false }
    }
}

impl ModuleFinder<'_> {
    /// Whether tasks of this worker may be executed on a module: a worker that is a version of a deployment has one only.
    pub(crate) fn may_execute(&self, module: &LoadedModule) -> bool {
        let version = self.connection.version.as_ref();
        version.is_none_or(|version| version.module().digest() == module.digest())
    }

    /// For a task of a run that is not cached. A query on its own does not advance the run, and moves it nowhere.
    pub(crate) async fn candidates(
        &self,
        execution: &WorkflowExecution,
        workflow_type: &str,
        polled: &PolledHistory,
        advances: bool,
    ) -> Result<Candidates, TaskError> {
        if let Some(version) = &self.connection.version {
            return of_version(version, workflow_type);
        }
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
            ModuleChoice::Newest => {
                let module = self.catalog.for_new_run(workflow_type, &execution.workflow_id);
                Ok(Candidates::only(module.map_or_else(newest, Ok)?))
            }
            ModuleChoice::NewestIfClean { fallback: None } => Ok(Candidates::only(newest()?)),
            ModuleChoice::Named(digest) => {
                let own = match self.resolve(digest).await {
                    Ok(own) => own,
                    // By hand a run leaves also a module that is gone.
                    Err(missing) => {
                        let moved = self.catalog.moved(&execution.run_id).filter(|_| advances);
                        let to = moved.ok_or(missing)?.to;
                        return Ok(Candidates::only(self.resolve(to).await?));
                    }
                };
                let successor =
                    if advances { self.successor(&own, execution, workflow_type).await } else { None };
                Ok(match successor {
                    Some(first) => Candidates { first, fallback: Some(own), is_move: true },
                    None => Candidates::only(own),
                })
            }
            ModuleChoice::NewestIfClean { fallback: Some(named) } => match newest() {
                Ok(first) if first.digest() == named => Ok(Candidates::only(first)),
                Ok(first) => {
                    let fallback = self.resolve(named).await.ok();
                    Ok(Candidates { first, fallback, is_move: false })
                }
                Err(_) => Ok(Candidates::only(self.resolve(named).await?)),
            },
        }
    }

    /// The module that a run on this one moves to, if it may and was not tried there yet. What the run's own definition
    /// says outranks the policy of the swap; a move by hand outranks both, until a later swap takes the run along.
    pub(crate) async fn successor(
        &self,
        own: &LoadedModule,
        execution: &WorkflowExecution,
        workflow_type: &str,
    ) -> Option<Arc<LoadedModule>> {
        if self.connection.version.is_some() {
            // The service says which version executes a run.
            return None;
        }
        let behavior = own.definition(workflow_type)?.versioning_behavior;
        // A canary keeps the runs that it has: they show what it does.
        let is_canary = self.catalog.is_canary(&own.digest());
        let served = self.catalog.serving_type(workflow_type);
        let follows = served.filter(|served| match behavior {
            VersioningBehavior::Pinned => false,
            VersioningBehavior::AutoUpgrade => !is_canary,
            VersioningBehavior::Unspecified => served.moves && !is_canary,
        });
        let by_hand = self.catalog.moved(&execution.run_id);
        let by_hand =
            by_hand.filter(|moved| follows.as_ref().is_none_or(|served| served.position <= moved.position));
        let to = match (by_hand, follows) {
            (Some(moved), _) if moved.to == own.digest() => return None,
            (Some(moved), _) => self.catalog.resolve(&moved.to).await.ok()?,
            (None, Some(served)) => served.module,
            (None, None) if behavior == VersioningBehavior::Pinned || is_canary => return None,
            (None, None) => {
                let adopting = self.catalog.adopts(&own.digest())?;
                self.catalog.resolve(&adopting).await.ok()?
            }
        };
        let is_tried = self.moves.has_declined(&execution.run_id, &to.digest());
        (to.digest() != own.digest() && !is_tried).then_some(to)
    }

    /// What the history of a run says of its module.
    pub(crate) async fn choose(
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

/// The module of a version, which executes every task that the service routes to it.
fn of_version(version: &WorkerVersion, workflow_type: &str) -> Result<Candidates, TaskError> {
    let module = version.module();
    if module.definition(workflow_type).is_none() {
        return Err(TaskError::Missing(Missing::TypeInVersion {
            workflow_type: workflow_type.to_owned(),
            build_id: module.build_id(),
            known: module.types().map(str::to_owned).collect(),
        }));
    }
    Ok(Candidates::only(Arc::clone(module)))
}
