//! Resetting an execution: a new run takes its place, with its history up to a workflow task.

use guest_sdk_types::WorkflowDefinition;
use host_wire::{
    EventAttributes,
    temporal::api::{
        enums::v1::{EventType, ResetReapplyExcludeType},
        workflowservice::v1::ResetWorkflowExecutionRequest,
    },
};
use tonic::Request;
use uuid::Uuid;

use crate::{error::Error, handle::WorkflowHandle};

/// The place in a history to which a run is reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResetPoint {
    /// The end of a workflow task, which the new run does otherwise: the id of its `WorkflowTaskCompleted`, failed or
    /// timed out event, or the one after a task that has not ended. From 2.
    Event(i64),
    /// The end of the first workflow task.
    FirstWorkflowTask,
    /// The end of the last workflow task that completed.
    LastWorkflowTask,
    /// The last workflow task of the run that this one continues as new.
    LastContinuedAsNew,
    /// The first workflow task that this build completed, from `auto_reset_points` of the description.
    BuildId(String),
}

/// How a run is reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetOptions {
    /// Where the new run begins.
    pub point: ResetPoint,
    /// Why; kept in the history.
    pub reason: String,
    /// Whether signals after the point are lost. Else the new run receives them.
    pub exclude_signals: bool,
    /// Whether updates after the point are lost. Else the new run receives them.
    pub exclude_updates: bool,
}

impl ResetOptions {
    /// A reset after which the new run receives everything that came after the point.
    #[must_use]
    pub fn to(point: ResetPoint) -> Self {
        Self { point, reason: String::new(), exclude_signals: false, exclude_updates: false }
    }
}

impl<W: WorkflowDefinition> WorkflowHandle<W> {
    /// Starts a new run in place of this one, which is terminated if it is open; answers with a handle of the new run.
    ///
    /// # Errors
    ///
    /// When there is no such execution or no such point in its history, or the service cannot be reached.
    pub async fn reset(&self, options: ResetOptions) -> Result<Self, Error> {
        let (run_id, event_id) = self.find(&options.point).await?;
        let mut excluded = Vec::new();
        if options.exclude_signals {
            excluded.push(ResetReapplyExcludeType::Signal.into());
        }
        if options.exclude_updates {
            excluded.push(ResetReapplyExcludeType::Update.into());
        }
        if options.exclude_signals && options.exclude_updates {
            excluded.push(ResetReapplyExcludeType::Nexus.into());
        }
        let request = ResetWorkflowExecutionRequest {
            namespace: self.client().namespace.clone(),
            workflow_execution: Some(self.execution_of(run_id)),
            reason: options.reason,
            workflow_task_finish_event_id: event_id,
            request_id: Uuid::new_v4().to_string(),
            reset_reapply_exclude_types: excluded,
            identity: self.client().identity.clone(),
            ..ResetWorkflowExecutionRequest::default()
        };
        let answer = self.client().service.reset_workflow_execution(Request::new(request)).await?;
        let run_id = answer.into_inner().run_id;
        Ok(Self::new(self.client().clone(), self.workflow_id().to_owned(), Some(run_id)))
    }

    /// The run and the event of a point.
    async fn find(&self, point: &ResetPoint) -> Result<(Option<String>, i64), Error> {
        let run_id = self.run_id().map(str::to_owned);
        match point {
            ResetPoint::Event(event_id) => Ok((run_id, *event_id)),
            ResetPoint::FirstWorkflowTask => Ok((run_id, self.task_end(Which::First).await?)),
            ResetPoint::LastWorkflowTask => Ok((run_id, self.task_end(Which::Last).await?)),
            ResetPoint::LastContinuedAsNew => {
                let before = self.continued_run_id().await?;
                let handle = Self::new(self.client().clone(), self.workflow_id().to_owned(), Some(before));
                let event_id = handle.task_end(Which::Last).await?;
                Ok((handle.run_id().map(str::to_owned), event_id))
            }
            ResetPoint::BuildId(build_id) => {
                let info = self.describe().await?.workflow_execution_info.unwrap_or_default();
                let points = info.auto_reset_points.unwrap_or_default().points;
                let point = points.into_iter().find(|point| point.build_id == *build_id && point.resettable);
                let point = point.ok_or_else(|| {
                    Error::NoResetPoint(format!("build {build_id} completed no workflow task"))
                })?;
                Ok((Some(point.run_id), point.first_workflow_task_completed_id))
            }
        }
    }

    /// The end of the first or last workflow task that completed; without one, the event after a scheduled task.
    async fn task_end(&self, which: Which) -> Result<i64, Error> {
        let mut events = self.history();
        let (mut completed, mut scheduled) = (None, None);
        while let Some(event) = events.next().await? {
            match event.event_type() {
                EventType::WorkflowTaskCompleted => {
                    completed = Some(event.event_id);
                    if which == Which::First {
                        break;
                    }
                }
                EventType::WorkflowTaskScheduled => scheduled = scheduled.or(Some(event.event_id + 1)),
                _ => {}
            }
        }
        completed.or(scheduled).ok_or_else(|| Error::NoResetPoint("it has no workflow task".to_owned()))
    }

    /// The run that this one continues as new.
    async fn continued_run_id(&self) -> Result<String, Error> {
        let first = self.history().next().await?.and_then(|event| event.attributes);
        match first {
            Some(EventAttributes::WorkflowExecutionStartedEventAttributes(started))
                if !started.continued_execution_run_id.is_empty() =>
            {
                Ok(started.continued_execution_run_id)
            }
            _ => Err(Error::NoResetPoint("it does not continue another run".to_owned())),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    First,
    Last,
}
