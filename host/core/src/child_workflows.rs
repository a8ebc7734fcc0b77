//! Child workflows: their start is resolved, then they are.

use host_wire::temporal::api::{
    command::v1::{
        RequestCancelExternalWorkflowExecutionCommandAttributes,
        StartChildWorkflowExecutionCommandAttributes, command::Attributes,
    },
    common::v1::{WorkflowExecution, WorkflowType},
    enums::v1::{EventType, RetryState, StartChildWorkflowExecutionFailedCause, TimeoutType},
    failure::v1::{
        ChildWorkflowExecutionFailureInfo, Failure, TerminatedFailureInfo, TimeoutFailureInfo,
        failure::FailureInfo,
    },
    history::v1::{
        ChildWorkflowExecutionCompletedEventAttributes, ChildWorkflowExecutionFailedEventAttributes,
        ChildWorkflowExecutionStartedEventAttributes, ChildWorkflowExecutionTimedOutEventAttributes,
        StartChildWorkflowExecutionFailedEventAttributes,
        StartChildWorkflowExecutionInitiatedEventAttributes,
    },
    sdk::v1::UserMetadata,
};

use crate::{
    command::ChildWorkflowCancellation,
    error::Error,
    event::{Event, tag},
    failures,
    job::{ChildWorkflowStartResolution, Job, Outcome},
    operations::{Context, Progress, unexpected},
};

/// One child workflow of a run.
#[derive(Debug)]
pub(crate) struct ChildWorkflow {
    seq: u32,
    namespace: String,
    workflow_id: String,
    workflow_type: String,
    run_id: String,
    cancellation: ChildWorkflowCancellation,
    state: State,
    initiated_event_id: i64,
    started_event_id: i64,
    /// Until it is sent, or found in history.
    attributes: Option<Box<StartChildWorkflowExecutionCommandAttributes>>,
    user_metadata: Option<Box<UserMetadata>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The command to start it is not in history yet.
    Commanded,
    Initiated,
    Started,
    /// Resolved without waiting for it; what it comes to is ignored.
    Abandoned,
    /// Cancelled before it was sent.
    NeverSent,
}

impl ChildWorkflow {
    pub(crate) fn new(
        seq: u32,
        mut attributes: Box<StartChildWorkflowExecutionCommandAttributes>,
        cancellation: ChildWorkflowCancellation,
        user_metadata: Option<Box<UserMetadata>>,
    ) -> Self {
        Self {
            seq,
            namespace: attributes.namespace.clone(),
            workflow_id: std::mem::take(&mut attributes.workflow_id),
            workflow_type: attributes.workflow_type.take().unwrap_or_default().name,
            run_id: String::new(),
            cancellation,
            state: State::Commanded,
            initiated_event_id: 0,
            started_event_id: 0,
            attributes: Some(attributes),
            user_metadata,
        }
    }

    pub(crate) fn event_id(&self) -> i64 {
        self.initiated_event_id
    }

    pub(crate) fn was_never_sent(&self) -> bool {
        self.state == State::NeverSent
    }

    pub(crate) fn describe(&self) -> String {
        format!("a start of child workflow {} of type {}", self.workflow_id, self.workflow_type)
    }

    pub(crate) fn take_command(&mut self) -> Option<(Attributes, Option<UserMetadata>)> {
        let mut attributes = self.attributes.take()?;
        attributes.workflow_id.clone_from(&self.workflow_id);
        attributes.workflow_type = Some(WorkflowType { name: self.workflow_type.clone() });
        Some((
            Attributes::StartChildWorkflowExecutionCommandAttributes(attributes),
            self.user_metadata.take().map(|metadata| *metadata),
        ))
    }

    /// The guest cancels it: the request to the child, if it is to be asked. A child that is waited for
    /// is asked each time.
    pub(crate) fn cancel(
        &mut self,
        reason: String,
        context: &mut Context<'_>,
    ) -> Option<Box<RequestCancelExternalWorkflowExecutionCommandAttributes>> {
        match self.state {
            State::Commanded => {
                self.state = State::NeverSent;
                let failure = failures::caused(
                    format!("Child Workflow Execution cancelled before scheduled: {reason}"),
                    self.failure_info(RetryState::NonRetryableFailure),
                    Some(failures::canceled(None)),
                );
                context.jobs.push(Job::ChildWorkflowStartResolved {
                    seq: self.seq,
                    resolution: ChildWorkflowStartResolution::Canceled(failure),
                });
                None
            }
            State::Initiated | State::Started => {
                let resolves_at_once = matches!(
                    self.cancellation,
                    ChildWorkflowCancellation::Abandon | ChildWorkflowCancellation::TryCancel
                );
                if resolves_at_once {
                    self.state = State::Abandoned;
                    self.resolve_cancelled(context);
                }
                if self.cancellation == ChildWorkflowCancellation::Abandon {
                    return None;
                }
                Some(Box::new(RequestCancelExternalWorkflowExecutionCommandAttributes {
                    namespace: self.namespace.clone(),
                    workflow_id: self.workflow_id.clone(),
                    run_id: self.run_id.clone(),
                    child_workflow_only: true,
                    reason,
                    ..RequestCancelExternalWorkflowExecutionCommandAttributes::default()
                }))
            }
            State::Abandoned | State::NeverSent => None,
        }
    }

    pub(crate) fn on_event(&mut self, event: &Event, context: &mut Context<'_>) -> Result<Progress, Error> {
        match (self.state, event.kind()) {
            (State::Commanded, EventType::StartChildWorkflowExecutionInitiated) => {
                self.on_initiated(event, context)?;
                Ok(Progress::Open)
            }
            (State::Initiated, EventType::ChildWorkflowExecutionStarted) => {
                self.on_started(event, context)?;
                Ok(Progress::Open)
            }
            (State::Initiated, EventType::StartChildWorkflowExecutionFailed) => {
                let failed: StartChildWorkflowExecutionFailedEventAttributes =
                    event.attributes(tag::START_CHILD_FAILED)?;
                let cause = StartChildWorkflowExecutionFailedCause::try_from(failed.cause)
                    .map_err(|_| event.broken("its cause is not known"))?;
                context.jobs.push(Job::ChildWorkflowStartResolved {
                    seq: self.seq,
                    resolution: ChildWorkflowStartResolution::Failed(cause),
                });
                Ok(Progress::Closed)
            }
            (
                State::Started,
                EventType::ChildWorkflowExecutionCompleted
                | EventType::ChildWorkflowExecutionFailed
                | EventType::ChildWorkflowExecutionTimedOut
                | EventType::ChildWorkflowExecutionTerminated,
            ) => self.on_closed(event, context),
            (State::Started, EventType::ChildWorkflowExecutionCanceled) => {
                self.resolve_cancelled(context);
                Ok(Progress::Closed)
            }
            (State::Abandoned, EventType::ChildWorkflowExecutionStarted) => Ok(Progress::Open),
            (
                State::Abandoned,
                EventType::StartChildWorkflowExecutionFailed
                | EventType::ChildWorkflowExecutionCanceled
                | EventType::ChildWorkflowExecutionCompleted
                | EventType::ChildWorkflowExecutionFailed
                | EventType::ChildWorkflowExecutionTimedOut
                | EventType::ChildWorkflowExecutionTerminated,
            ) => Ok(Progress::Closed),
            _ => Err(unexpected(event, &format!("child workflow {}", self.workflow_id))),
        }
    }

    fn on_initiated(&mut self, event: &Event, context: &Context<'_>) -> Result<(), Error> {
        let initiated: StartChildWorkflowExecutionInitiatedEventAttributes =
            event.attributes(tag::START_CHILD_INITIATED)?;
        let workflow_type = initiated.workflow_type.unwrap_or_default().name;
        if context.checks_id_and_type
            && (initiated.workflow_id != self.workflow_id || workflow_type != self.workflow_type)
        {
            return Err(Error::nondeterminism(
                event.id(),
                format!("a start of child workflow {} of type {workflow_type}", initiated.workflow_id),
                self.describe(),
            ));
        }
        self.state = State::Initiated;
        self.initiated_event_id = event.id();
        self.attributes = None;
        self.user_metadata = None;
        Ok(())
    }

    fn on_started(&mut self, event: &Event, context: &mut Context<'_>) -> Result<(), Error> {
        let started: ChildWorkflowExecutionStartedEventAttributes = event.attributes(tag::CHILD_STARTED)?;
        let Some(execution) = started.workflow_execution else {
            return Err(event.broken("it does not say which execution started"));
        };
        self.state = State::Started;
        self.started_event_id = event.id();
        self.run_id.clone_from(&execution.run_id);
        context.jobs.push(Job::ChildWorkflowStartResolved {
            seq: self.seq,
            resolution: ChildWorkflowStartResolution::Started(execution.run_id),
        });
        Ok(())
    }

    fn on_closed(&self, event: &Event, context: &mut Context<'_>) -> Result<Progress, Error> {
        let outcome = match event.kind() {
            EventType::ChildWorkflowExecutionCompleted => {
                let completed: ChildWorkflowExecutionCompletedEventAttributes =
                    event.attributes(tag::CHILD_COMPLETED)?;
                Outcome::Completed(failures::single_payload(event, completed.result)?)
            }
            EventType::ChildWorkflowExecutionFailed => {
                let failed: ChildWorkflowExecutionFailedEventAttributes =
                    event.attributes(tag::CHILD_FAILED)?;
                let info = self.failure_info(failed.retry_state());
                Outcome::Failed(failures::caused("Child Workflow execution failed", info, failed.failure))
            }
            EventType::ChildWorkflowExecutionTimedOut => {
                let timed_out: ChildWorkflowExecutionTimedOutEventAttributes =
                    event.attributes(tag::CHILD_TIMED_OUT)?;
                let cause = FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
                    timeout_type: TimeoutType::StartToClose.into(),
                    ..TimeoutFailureInfo::default()
                });
                Outcome::Failed(failures::caused(
                    "Child Workflow execution timed out",
                    self.failure_info(timed_out.retry_state()),
                    Some(*failures::caused("Timed out", cause, None)),
                ))
            }
            _ => {
                let cause = FailureInfo::TerminatedFailureInfo(TerminatedFailureInfo::default());
                Outcome::Failed(failures::caused(
                    "Child Workflow execution terminated",
                    self.failure_info(RetryState::NonRetryableFailure),
                    Some(*failures::caused("Terminated", cause, None)),
                ))
            }
        };
        context.jobs.push(Job::ChildWorkflowResolved { seq: self.seq, outcome });
        Ok(Progress::Closed)
    }

    fn resolve_cancelled(&self, context: &mut Context<'_>) {
        let failure: Box<Failure> = failures::caused(
            "Child Workflow execution cancelled",
            self.failure_info(RetryState::NonRetryableFailure),
            Some(failures::canceled(None)),
        );
        context.jobs.push(Job::ChildWorkflowResolved { seq: self.seq, outcome: Outcome::Canceled(failure) });
    }

    fn failure_info(&self, retry_state: RetryState) -> FailureInfo {
        FailureInfo::ChildWorkflowExecutionFailureInfo(ChildWorkflowExecutionFailureInfo {
            namespace: self.namespace.clone(),
            workflow_type: Some(WorkflowType { name: self.workflow_type.clone() }),
            initiated_event_id: self.initiated_event_id,
            started_event_id: self.started_event_id,
            retry_state: retry_state.into(),
            workflow_execution: Some(WorkflowExecution {
                workflow_id: self.workflow_id.clone(),
                run_id: self.run_id.clone(),
            }),
        })
    }
}
