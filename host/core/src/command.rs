//! What a guest asks for.

use host_wire::temporal::api::{
    command::v1::{
        CancelWorkflowExecutionCommandAttributes, CompleteWorkflowExecutionCommandAttributes,
        ContinueAsNewWorkflowExecutionCommandAttributes, FailWorkflowExecutionCommandAttributes,
        RequestCancelExternalWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
        ScheduleNexusOperationCommandAttributes, SignalExternalWorkflowExecutionCommandAttributes,
        StartChildWorkflowExecutionCommandAttributes,
    },
    common::v1::{Header, Memo, Payload, RetryPolicy, SearchAttributes},
    sdk::v1::UserMetadata,
};
use prost_types::{Duration, Timestamp};

use crate::job::Outcome;

/// One thing that a guest asked for during an activation.
///
/// Sequence numbers count from 1 per kind; activities and local activities share a count. They come
/// from the caller, who hands them to the guest as it asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Schedule an activity. An empty activity id becomes the sequence number.
    ScheduleActivity {
        /// New.
        seq: u32,
        /// What to schedule.
        attributes: Box<ScheduleActivityTaskCommandAttributes>,
        /// What cancelling it does.
        cancellation: ActivityCancellation,
        /// What user interfaces show.
        user_metadata: Option<Box<UserMetadata>>,
    },
    /// Schedule a local activity.
    ScheduleLocalActivity {
        /// New.
        seq: u32,
        /// What to schedule.
        activity: Box<LocalActivity>,
    },
    /// Cancel an activity or local activity. Does nothing when it is resolved.
    CancelActivity {
        /// Of the activity.
        seq: u32,
    },
    /// Start a timer. Its id is the sequence number.
    StartTimer {
        /// New.
        seq: u32,
        /// How long until it fires.
        start_to_fire_timeout: Duration,
        /// What user interfaces show.
        user_metadata: Option<Box<UserMetadata>>,
    },
    /// Cancel a timer. Does nothing when it has fired. No job answers it.
    CancelTimer {
        /// Of the timer.
        seq: u32,
    },
    /// Start a child workflow.
    StartChildWorkflow {
        /// New.
        seq: u32,
        /// What to start.
        attributes: Box<StartChildWorkflowExecutionCommandAttributes>,
        /// What cancelling it does.
        cancellation: ChildWorkflowCancellation,
        /// What user interfaces show.
        user_metadata: Option<Box<UserMetadata>>,
    },
    /// Cancel a child workflow. Does nothing when it is resolved.
    CancelChildWorkflow {
        /// Of the child.
        seq: u32,
        /// Why.
        reason: String,
    },
    /// Signal another workflow.
    SignalExternalWorkflow {
        /// New.
        seq: u32,
        /// Whom, and with what.
        attributes: Box<SignalExternalWorkflowExecutionCommandAttributes>,
        /// What user interfaces show.
        user_metadata: Option<Box<UserMetadata>>,
    },
    /// Cancel a signal to another workflow. Does nothing when it has left.
    CancelSignalExternalWorkflow {
        /// Of the signal.
        seq: u32,
    },
    /// Ask another workflow to cancel.
    RequestCancelExternalWorkflow {
        /// New.
        seq: u32,
        /// Whom; to the reason is added which run asks.
        attributes: Box<RequestCancelExternalWorkflowExecutionCommandAttributes>,
    },
    /// Schedule a Nexus operation.
    ScheduleNexusOperation {
        /// New.
        seq: u32,
        /// What to schedule.
        attributes: Box<ScheduleNexusOperationCommandAttributes>,
        /// What cancelling it does.
        cancellation: NexusCancellation,
        /// What user interfaces show.
        user_metadata: Option<Box<UserMetadata>>,
    },
    /// Cancel a Nexus operation. Does nothing when it is resolved.
    CancelNexusOperation {
        /// Of the operation.
        seq: u32,
    },
    /// Record that the run takes the new path of a change.
    /// [`Patches::patched`](crate::Patches::patched) says when.
    SetPatchMarker {
        /// Of the change.
        patch_id: String,
        /// No code for the old path is left.
        deprecated: bool,
    },
    /// Add or replace search attributes.
    UpsertSearchAttributes(SearchAttributes),
    /// Add or replace fields of the memo.
    UpsertMemo(Memo),
    /// End an update that was accepted.
    CompleteUpdate {
        /// Of the update.
        protocol_instance_id: String,
        /// Canceled counts as failed.
        outcome: Outcome,
    },
    /// End the run with a result.
    CompleteWorkflow(Box<CompleteWorkflowExecutionCommandAttributes>),
    /// End the run with a failure.
    FailWorkflow(Box<FailWorkflowExecutionCommandAttributes>),
    /// End the run as cancelled.
    CancelWorkflow(Box<CancelWorkflowExecutionCommandAttributes>),
    /// End the run and start another one. Memo, search attributes and retry policy that are left out
    /// become those of this run.
    ContinueAsNew(Box<ContinueAsNewWorkflowExecutionCommandAttributes>),
}

impl Command {
    /// Whether it ends the run.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::CompleteWorkflow(_)
                | Self::FailWorkflow(_)
                | Self::CancelWorkflow(_)
                | Self::ContinueAsNew(_)
        )
    }
}

/// What cancelling does to an activity that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActivityCancellation {
    /// Ask the activity to stop, and resolve as cancelled at once.
    #[default]
    TryCancel,
    /// Ask the activity to stop, and resolve as it ends.
    WaitCancellationCompleted,
    /// Resolve as cancelled at once, without asking.
    Abandon,
}

/// What cancelling does to a child workflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChildWorkflowCancellation {
    /// Do not ask the child, and resolve as cancelled at once.
    Abandon,
    /// Ask the child to cancel, and resolve as cancelled at once.
    TryCancel,
    /// Ask the child to cancel, and resolve as it closes.
    #[default]
    WaitCancellationCompleted,
    /// Ask the child to cancel, and resolve as it closes: the protocol does not tell when the child
    /// was asked, and sdk-core makes no difference either.
    WaitCancellationRequested,
}

/// What cancelling does to a Nexus operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NexusCancellation {
    /// Ask the handler to cancel, and resolve as the operation ends.
    #[default]
    WaitCancellationCompleted,
    /// Resolve as cancelled at once, without asking.
    Abandon,
    /// Ask the handler to cancel, and resolve as cancelled at once.
    TryCancel,
    /// Ask the handler to cancel, and resolve when it has been asked.
    WaitCancellationRequested,
}

/// A local activity to be run by the worker itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LocalActivity {
    /// Empty: the sequence number.
    pub activity_id: String,
    /// Its type.
    pub activity_type: String,
    /// From 1; more when it is scheduled again after a backoff timer.
    pub attempt: u32,
    /// When it was first scheduled, when it is scheduled again after a backoff timer.
    pub original_schedule_time: Option<Timestamp>,
    /// Headers for its context.
    pub header: Option<Header>,
    /// Its arguments.
    pub arguments: Vec<Payload>,
    /// All attempts together.
    pub schedule_to_close_timeout: Option<Duration>,
    /// Until an attempt starts.
    pub schedule_to_start_timeout: Option<Duration>,
    /// One attempt.
    pub start_to_close_timeout: Option<Duration>,
    /// When and how often it is tried again.
    pub retry_policy: Option<RetryPolicy>,
    /// A backoff longer than this is waited for with a timer of the workflow.
    pub local_retry_threshold: Option<Duration>,
    /// What cancelling it does.
    pub cancellation: ActivityCancellation,
    /// Whether its marker shows its arguments.
    pub include_arguments_in_marker: bool,
    /// What user interfaces show.
    pub user_metadata: Option<UserMetadata>,
}
