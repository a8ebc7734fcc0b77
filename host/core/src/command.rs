//! Commands: what a guest asks for.

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
/// Sequence numbers are assigned by the caller, who hands them to the guest as it asks. They count from 1
/// for each kind and never repeat; activities and local activities share a count.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Schedules an activity.
    ScheduleActivity {
        /// Sequence number, larger than that of any activity or local activity before.
        seq: u32,
        /// The protocol's command. An empty `activity_id` becomes the sequence number.
        attributes: Box<ScheduleActivityTaskCommandAttributes>,
        /// What [`Command::CancelActivity`] does to it.
        cancellation: ActivityCancellation,
        /// Summary and details for user interfaces.
        user_metadata: Option<Box<UserMetadata>>,
    },
    /// Schedules a local activity, which the worker runs within the workflow task.
    ScheduleLocalActivity {
        /// Sequence number, larger than that of any activity or local activity before.
        seq: u32,
        /// What the worker runs.
        activity: Box<LocalActivity>,
    },
    /// Cancels an activity or local activity. Does nothing when it is resolved.
    CancelActivity {
        /// Sequence number of the activity.
        seq: u32,
    },
    /// Starts a timer. Its id is the sequence number.
    StartTimer {
        /// Sequence number, larger than that of any timer before.
        seq: u32,
        /// How long until it fires, from the time of the workflow task.
        start_to_fire_timeout: Duration,
        /// Summary and details for user interfaces.
        user_metadata: Option<Box<UserMetadata>>,
    },
    /// Cancels a timer. Does nothing when it has fired. No job answers it.
    CancelTimer {
        /// Sequence number of the timer.
        seq: u32,
    },
    /// Starts a child workflow.
    StartChildWorkflow {
        /// Sequence number, larger than that of any child workflow before.
        seq: u32,
        /// The protocol's command.
        attributes: Box<StartChildWorkflowExecutionCommandAttributes>,
        /// What [`Command::CancelChildWorkflow`] does to it.
        cancellation: ChildWorkflowCancellation,
        /// Summary and details for user interfaces.
        user_metadata: Option<Box<UserMetadata>>,
    },
    /// Cancels a child workflow. Does nothing when it is resolved.
    CancelChildWorkflow {
        /// Sequence number of the child workflow.
        seq: u32,
        /// Reason that the child is given, and that its failure shows.
        reason: String,
    },
    /// Signals another workflow.
    SignalExternalWorkflow {
        /// Sequence number, larger than that of any such signal before.
        seq: u32,
        /// The protocol's command: execution to signal, name and arguments of the signal.
        attributes: Box<SignalExternalWorkflowExecutionCommandAttributes>,
        /// Summary and details for user interfaces.
        user_metadata: Option<Box<UserMetadata>>,
    },
    /// Cancels a signal to another workflow. Does nothing when it was sent.
    CancelSignalExternalWorkflow {
        /// Sequence number of the signal.
        seq: u32,
    },
    /// Asks another workflow to cancel.
    RequestCancelExternalWorkflow {
        /// Sequence number, larger than that of any such request before.
        seq: u32,
        /// The protocol's command. The run id of the asking run is put before its reason, as sdk-core does.
        attributes: Box<RequestCancelExternalWorkflowExecutionCommandAttributes>,
    },
    /// Schedules a Nexus operation.
    ScheduleNexusOperation {
        /// Sequence number, larger than that of any Nexus operation before.
        seq: u32,
        /// The protocol's command: endpoint, service, operation and input.
        attributes: Box<ScheduleNexusOperationCommandAttributes>,
        /// What [`Command::CancelNexusOperation`] does to it.
        cancellation: NexusCancellation,
        /// Summary and details for user interfaces.
        user_metadata: Option<Box<UserMetadata>>,
    },
    /// Cancels a Nexus operation. Does nothing when it is resolved.
    CancelNexusOperation {
        /// Sequence number of the operation.
        seq: u32,
    },
    /// Records that the run takes the new path of a change.
    /// The sandbox decides when, from [`Activation::patches`](crate::Activation::patches) and
    /// [`Activation::is_replaying`](crate::Activation::is_replaying).
    SetPatchMarker {
        /// Id of the change, as the workflow's code has it.
        patch_id: String,
        /// Whether the code has no old path any more.
        deprecated: bool,
    },
    /// Adds or replaces search attributes.
    UpsertSearchAttributes(SearchAttributes),
    /// Adds or replaces fields of the memo.
    UpsertMemo(Memo),
    /// Completes an update that was accepted.
    CompleteUpdate {
        /// [`Update::protocol_instance_id`](crate::Update::protocol_instance_id) of the update.
        protocol_instance_id: String,
        /// Result or failure of the handler. [`Outcome::Canceled`] counts as failed.
        outcome: Outcome,
    },
    /// Ends the run with a result.
    CompleteWorkflow(Box<CompleteWorkflowExecutionCommandAttributes>),
    /// Ends the run with a failure.
    FailWorkflow(Box<FailWorkflowExecutionCommandAttributes>),
    /// Ends the run as cancelled.
    CancelWorkflow(Box<CancelWorkflowExecutionCommandAttributes>),
    /// Ends the run and starts another one. Memo, search attributes and retry policy that are left out
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

/// What cancelling does to an activity that was sent: `ActivityCancellationType` of sdk-core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActivityCancellation {
    /// Asks the activity to stop, and resolves it as cancelled at once.
    #[default]
    TryCancel,
    /// Asks the activity to stop, and resolves it as it closes.
    WaitCancellationCompleted,
    /// Resolves as cancelled at once, without asking.
    Abandon,
}

/// What cancelling does to a child workflow that was sent: `ChildWorkflowCancellationType` of sdk-core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChildWorkflowCancellation {
    /// Resolves the child as cancelled at once, without asking it.
    Abandon,
    /// Asks the child to cancel, and resolves it as cancelled at once.
    TryCancel,
    /// Asks the child to cancel, and resolves it as it closes.
    #[default]
    WaitCancellationCompleted,
    /// Asks the child to cancel, and resolves it as it closes: the protocol does not tell when the child
    /// was asked, and sdk-core makes no difference either.
    WaitCancellationRequested,
}

/// What cancelling does to a Nexus operation that was sent: `NexusOperationCancellationType` of sdk-core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NexusCancellation {
    /// Asks the handler to cancel, and resolves as the operation closes.
    #[default]
    WaitCancellationCompleted,
    /// Resolves as cancelled at once, without asking.
    Abandon,
    /// Asks the handler to cancel, and resolves as cancelled at once.
    TryCancel,
    /// Asks the handler to cancel, and resolves when that was asked.
    WaitCancellationRequested,
}

/// A local activity to be run by the worker itself. Timeouts and retries are the worker's to keep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LocalActivity {
    /// Id for logs and failures; empty for the sequence number.
    pub activity_id: String,
    /// Name by which the worker knows the activity.
    pub activity_type: String,
    /// Number of the first attempt, from 1; more when it is scheduled again after a backoff timer.
    pub attempt: u32,
    /// When it was first scheduled; set when it is scheduled again after a backoff timer.
    pub original_schedule_time: Option<Timestamp>,
    /// Headers for the activity's context.
    pub header: Option<Header>,
    /// Arguments of the activity.
    pub arguments: Vec<Payload>,
    /// How long all attempts together may take.
    pub schedule_to_close_timeout: Option<Duration>,
    /// How long an attempt may wait for a slot of the worker.
    pub schedule_to_start_timeout: Option<Duration>,
    /// How long one attempt may run.
    pub start_to_close_timeout: Option<Duration>,
    /// How often, and after which pauses, it is tried again.
    pub retry_policy: Option<RetryPolicy>,
    /// Longest pause that the worker waits for itself. A longer one is waited for with a timer of the
    /// workflow.
    pub local_retry_threshold: Option<Duration>,
    /// What [`Command::CancelActivity`] does to it.
    pub cancellation: ActivityCancellation,
    /// Whether its marker in history shows its arguments.
    pub include_arguments_in_marker: bool,
    /// Summary and details for user interfaces.
    pub user_metadata: Option<UserMetadata>,
}
