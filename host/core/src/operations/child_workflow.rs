//! Child workflows: their start is resolved, then they are.

use host_wire::temporal::api::{
    command::v1::{
        RequestCancelExternalWorkflowExecutionCommandAttributes,
        StartChildWorkflowExecutionCommandAttributes, command::Attributes,
    },
    common::v1::{WorkflowExecution, WorkflowType},
    enums::v1::{CommandType, EventType, RetryState, StartChildWorkflowExecutionFailedCause, TimeoutType},
    failure::v1::{
        ChildWorkflowExecutionFailureInfo, TerminatedFailureInfo, TimeoutFailureInfo,
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
    failures,
    history::Event,
    job::{ChildWorkflowStartResolution, Job, Outcome},
    operation::{Cancelled, Context, NewCommand, Operation, Progress, states},
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

states! {
    /// Where a child workflow stands.
    enum State {
        /// The command to start it is not in history yet.
        Commanded,
        Initiated,
        Started,
        /// Resolved without waiting for it; how it closes is ignored.
        Abandoned,
        /// Cancelled before it was sent.
        NeverSent,
    }
}

/// What an event does to a child workflow.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transition {
    Initiate,
    Start,
    FailToStart,
    Complete,
    Fail,
    TimeOut,
    Terminate,
    Cancel,
    /// It was abandoned, and starts.
    Ignore,
    /// It was abandoned, and closes.
    Forget,
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
}

impl Operation for ChildWorkflow {
    type State = State;
    type Transition = Transition;

    const BEGINS_WITH: Option<CommandType> = Some(CommandType::StartChildWorkflowExecution);

    fn name(&self) -> String {
        format!("child workflow {}", self.workflow_id)
    }

    fn describe(&self, _: CommandType) -> String {
        format!("a start of child workflow {} of type {}", self.workflow_id, self.workflow_type)
    }

    fn command(&mut self, _: CommandType) -> Option<NewCommand> {
        let mut attributes = self.attributes.take()?;
        attributes.workflow_id.clone_from(&self.workflow_id);
        attributes.workflow_type = Some(WorkflowType { name: self.workflow_type.clone() });
        Some(NewCommand {
            attributes: Attributes::StartChildWorkflowExecutionCommandAttributes(attributes),
            user_metadata: self.user_metadata.take().map(|metadata| *metadata),
        })
    }

    /// A child that is waited for is asked each time.
    fn cancel(&mut self, reason: String, jobs: &mut Vec<Job>) -> Cancelled {
        match self.state {
            State::Commanded => {
                self.state = State::NeverSent;
                let failure = failures::caused(
                    format!("Child Workflow Execution cancelled before scheduled: {reason}"),
                    self.failure_info(RetryState::NonRetryableFailure),
                    Some(failures::canceled(None)),
                );
                let resolution = ChildWorkflowStartResolution::Canceled(failure);
                jobs.push(Job::ChildWorkflowStartResolved { seq: self.seq, resolution });
                Cancelled::Nothing
            }
            State::Initiated | State::Started => {
                let resolves_at_once = matches!(
                    self.cancellation,
                    ChildWorkflowCancellation::Abandon | ChildWorkflowCancellation::TryCancel
                );
                if resolves_at_once {
                    self.state = State::Abandoned;
                    self.resolve_cancelled(jobs);
                }
                if self.cancellation == ChildWorkflowCancellation::Abandon {
                    return Cancelled::Nothing;
                }
                Cancelled::Child(Box::new(RequestCancelExternalWorkflowExecutionCommandAttributes {
                    namespace: self.namespace.clone(),
                    workflow_id: self.workflow_id.clone(),
                    // No run id: the child may have continued as new. The service compares the parent.
                    child_workflow_only: true,
                    reason,
                    ..RequestCancelExternalWorkflowExecutionCommandAttributes::default()
                }))
            }
            State::Abandoned | State::NeverSent => Cancelled::Nothing,
        }
    }

    fn state(&self) -> State {
        self.state
    }

    fn transition(state: State, event: EventType) -> Option<Transition> {
        use EventType as E;
        Some(match (state, event) {
            (State::Commanded, E::StartChildWorkflowExecutionInitiated) => Transition::Initiate,
            (State::Initiated, E::ChildWorkflowExecutionStarted) => Transition::Start,
            (State::Initiated, E::StartChildWorkflowExecutionFailed) => Transition::FailToStart,
            (State::Started, E::ChildWorkflowExecutionCompleted) => Transition::Complete,
            (State::Started, E::ChildWorkflowExecutionFailed) => Transition::Fail,
            (State::Started, E::ChildWorkflowExecutionTimedOut) => Transition::TimeOut,
            (State::Started, E::ChildWorkflowExecutionTerminated) => Transition::Terminate,
            (State::Started, E::ChildWorkflowExecutionCanceled) => Transition::Cancel,
            (State::Abandoned, E::ChildWorkflowExecutionStarted) => Transition::Ignore,
            (
                State::Abandoned,
                E::StartChildWorkflowExecutionFailed
                | E::ChildWorkflowExecutionCanceled
                | E::ChildWorkflowExecutionCompleted
                | E::ChildWorkflowExecutionFailed
                | E::ChildWorkflowExecutionTimedOut
                | E::ChildWorkflowExecutionTerminated,
            ) => Transition::Forget,
            _ => return None,
        })
    }

    fn apply(
        &mut self,
        transition: Transition,
        event: &Event,
        context: &mut Context<'_>,
    ) -> Result<Progress, Error> {
        let outcome = match transition {
            Transition::Initiate => {
                self.on_initiated(event, context)?;
                return Ok(Progress::Open);
            }
            Transition::Start => {
                self.on_started(event, context.jobs)?;
                return Ok(Progress::Open);
            }
            Transition::Ignore => return Ok(Progress::Open),
            Transition::FailToStart => {
                let failed: StartChildWorkflowExecutionFailedEventAttributes = event.attributes()?;
                let cause = StartChildWorkflowExecutionFailedCause::try_from(failed.cause)
                    .map_err(|_| event.broken("its cause is not known"))?;
                let resolution = ChildWorkflowStartResolution::Failed(cause);
                context.jobs.push(Job::ChildWorkflowStartResolved { seq: self.seq, resolution });
                return Ok(Progress::Closed);
            }
            Transition::Cancel => {
                self.resolve_cancelled(context.jobs);
                return Ok(Progress::Closed);
            }
            Transition::Forget => return Ok(Progress::Closed),
            Transition::Complete => {
                let completed: ChildWorkflowExecutionCompletedEventAttributes = event.attributes()?;
                Outcome::Completed(failures::single_payload(event, completed.result)?)
            }
            Transition::Fail => {
                let failed: ChildWorkflowExecutionFailedEventAttributes = event.attributes()?;
                let info = self.failure_info(failed.retry_state());
                Outcome::Failed(failures::caused("Child Workflow execution failed", info, failed.failure))
            }
            Transition::TimeOut => self.timed_out(&event.attributes()?),
            Transition::Terminate => self.terminated(),
        };
        context.jobs.push(Job::ChildWorkflowResolved { seq: self.seq, outcome });
        Ok(Progress::Closed)
    }

    fn was_never_sent(&self) -> bool {
        self.state == State::NeverSent
    }

    fn event_id(&self) -> Option<i64> {
        Some(self.initiated_event_id)
    }
}

impl ChildWorkflow {
    fn on_initiated(&mut self, event: &Event, context: &Context<'_>) -> Result<(), Error> {
        let initiated: StartChildWorkflowExecutionInitiatedEventAttributes =
            event.attributes()?;
        let workflow_type = initiated.workflow_type.unwrap_or_default().name;
        if context.checks_id_and_type()
            && (initiated.workflow_id != self.workflow_id || workflow_type != self.workflow_type)
        {
            return Err(Error::nondeterminism(
                event.id(),
                event.words(),
                self.describe(CommandType::StartChildWorkflowExecution),
            ));
        }
        self.state = State::Initiated;
        self.initiated_event_id = event.id();
        self.attributes = None;
        self.user_metadata = None;
        Ok(())
    }

    fn on_started(&mut self, event: &Event, jobs: &mut Vec<Job>) -> Result<(), Error> {
        let started: ChildWorkflowExecutionStartedEventAttributes = event.attributes()?;
        let Some(execution) = started.workflow_execution else {
            return Err(event.broken("it does not say which execution started"));
        };
        self.state = State::Started;
        self.started_event_id = event.id();
        self.run_id.clone_from(&execution.run_id);
        jobs.push(Job::ChildWorkflowStartResolved {
            seq: self.seq,
            resolution: ChildWorkflowStartResolution::Started(execution.run_id),
        });
        Ok(())
    }

    fn timed_out(&self, timed_out: &ChildWorkflowExecutionTimedOutEventAttributes) -> Outcome {
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

    fn terminated(&self) -> Outcome {
        let cause = FailureInfo::TerminatedFailureInfo(TerminatedFailureInfo::default());
        Outcome::Failed(failures::caused(
            "Child Workflow execution terminated",
            self.failure_info(RetryState::NonRetryableFailure),
            Some(*failures::caused("Terminated", cause, None)),
        ))
    }

    fn resolve_cancelled(&self, jobs: &mut Vec<Job>) {
        let failure = failures::caused(
            "Child Workflow execution cancelled",
            self.failure_info(RetryState::NonRetryableFailure),
            Some(failures::canceled(None)),
        );
        jobs.push(Job::ChildWorkflowResolved { seq: self.seq, outcome: Outcome::Canceled(failure) });
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
