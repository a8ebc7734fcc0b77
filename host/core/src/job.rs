//! Activations: what a guest is told.

use std::sync::Arc;

use host_wire::temporal::api::{
    common::v1::Payload,
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::{StartChildWorkflowExecutionFailedCause, SuggestContinueAsNewReason},
    failure::v1::Failure,
    history::v1::{
        WorkflowExecutionCancelRequestedEventAttributes, WorkflowExecutionSignaledEventAttributes,
        WorkflowExecutionStartedEventAttributes,
    },
    update::v1::Request,
};
use prost_types::{Duration, Timestamp};

/// One call into the guest: everything that happened up to a workflow task.
#[derive(Clone, Debug, PartialEq)]
pub struct Activation {
    /// The time of the workflow: when the workflow task started, or later, when a local activity
    /// completed since.
    pub time: Timestamp,
    /// Events in history up to this task.
    pub history_length: u32,
    /// Bytes of history up to this task, as the service counts them.
    pub history_size_bytes: u64,
    /// Whether the service suggests to continue as new.
    pub continue_as_new_suggested: bool,
    /// The service's reasons for that.
    pub continue_as_new_reasons: Vec<SuggestContinueAsNewReason>,
    /// Whether the target deployment version of the run is another one than that of the task.
    pub target_deployment_version_changed: bool,
    /// The worker version that executed this task first; [`RunConfig::version`] when that is now.
    ///
    /// [`RunConfig::version`]: crate::RunConfig::version
    pub version: Option<Arc<WorkerDeploymentVersion>>,
    /// Whether this task was completed before. For the host (logs, metrics, `patched`), never for
    /// the guest's memory.
    pub is_replaying: bool,
    /// Ids of the patches that history says the run took, without those of earlier activations. The
    /// guest's calls of `patched` answer true for them.
    pub patches: Vec<String>,
    /// What happened, in the order in which the guest is to see it. Never empty.
    pub jobs: Vec<Job>,
}

/// One thing that happened.
///
/// Within an activation they come in this order: start; a new random seed; signals and updates in
/// the order of their events; cancellation and resolutions in the order of their events; resolutions
/// of local activities.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// The run starts: first job of the first activation, and never again.
    Start(Box<Start>),
    /// A reset gave the run a new seed.
    UpdateRandomSeed {
        /// Id of the run that the reset made.
        run_id: String,
        /// [`random_seed`](crate::random_seed) of that id.
        seed: u64,
    },
    /// The run was signalled.
    Signal {
        /// Id of the `WorkflowExecutionSignaled` event.
        event_id: i64,
        /// Name, arguments and headers: all of the event's attributes.
        attributes: Box<WorkflowExecutionSignaledEventAttributes>,
    },
    /// An update is accepted; its handler is to run. The acceptance is already recorded.
    Update(Box<Update>),
    /// The run's cancellation was requested, by a client or another workflow.
    Cancel(Box<WorkflowExecutionCancelRequestedEventAttributes>),
    /// A timer of the run fired.
    TimerFired {
        /// Sequence number of the timer.
        seq: u32,
    },
    /// An activity or local activity is resolved.
    ActivityResolved {
        /// Sequence number of the activity.
        seq: u32,
        /// How it closed, or when to schedule it again.
        resolution: ActivityResolution,
        /// Whether it was a local activity.
        is_local: bool,
    },
    /// The start of a child workflow is resolved.
    ChildWorkflowStartResolved {
        /// Sequence number of the child workflow.
        seq: u32,
        /// Whether it started.
        resolution: ChildWorkflowStartResolution,
    },
    /// A child workflow is resolved. Without an earlier start resolution when it was cancelled, in a
    /// way that does not wait, before it started.
    ChildWorkflowResolved {
        /// Sequence number of the child workflow.
        seq: u32,
        /// Result or failure.
        outcome: Outcome,
    },
    /// A signal to another workflow was delivered, or not.
    ExternalSignalResolved {
        /// Sequence number of the signal.
        seq: u32,
        /// Failure of the delivery; nothing when it was delivered.
        failure: Option<Box<Failure>>,
    },
    /// A cancellation request to another workflow was delivered, or not.
    ExternalCancelResolved {
        /// Sequence number of the request.
        seq: u32,
        /// Failure of the delivery; nothing when it was delivered.
        failure: Option<Box<Failure>>,
    },
    /// The start of a Nexus operation is resolved.
    NexusStartResolved {
        /// Sequence number of the operation.
        seq: u32,
        /// Whether it started.
        resolution: NexusStartResolution,
    },
    /// A Nexus operation is resolved.
    NexusResolved {
        /// Sequence number of the operation.
        seq: u32,
        /// Result or failure.
        outcome: Outcome,
    },
}

impl Job {
    /// Where it stands among the jobs of an activation. Jobs of one rank keep their order.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Start(_) => 0,
            Self::UpdateRandomSeed { .. } => 1,
            Self::Signal { .. } | Self::Update(_) => 2,
            Self::ActivityResolved { is_local: true, .. } => 4,
            _ => 3,
        }
    }
}

/// The start of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Time of the `WorkflowExecutionStarted` event.
    pub time: Timestamp,
    /// [`random_seed`](crate::random_seed) of the original run id.
    pub seed: u64,
    /// All of the event's attributes.
    pub attributes: WorkflowExecutionStartedEventAttributes,
}

/// An update whose handler is to run, or to be validated.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Name for [`Command::CompleteUpdate`](crate::Command::CompleteUpdate), assigned by the service.
    pub protocol_instance_id: String,
    /// Id, name, arguments and headers. `meta` and `input` are always set.
    pub request: Request,
}

/// How something that can fail closed.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It completed, with this result; some SDKs record none for the unit type.
    Completed(Option<Payload>),
    /// It failed, with this failure.
    Failed(Box<Failure>),
    /// It failed because it was cancelled.
    Canceled(Box<Failure>),
}

/// How an activity was resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum ActivityResolution {
    /// It closed, and is not scheduled again.
    Outcome(Outcome),
    /// Local activities only: the guest is to schedule it again after a timer.
    Backoff(LocalActivityBackoff),
}

/// A local activity is to be scheduled again after a timer.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalActivityBackoff {
    /// Number of the attempt to schedule then, from 2.
    pub attempt: u32,
    /// How long to wait before that.
    pub backoff: Duration,
    /// When the first attempt was scheduled.
    pub original_schedule_time: Option<Timestamp>,
}

/// How the start of a child workflow was resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum ChildWorkflowStartResolution {
    /// It runs; the run id of the child.
    Started(String),
    /// It could not be started.
    Failed(StartChildWorkflowExecutionFailedCause),
    /// It was cancelled before it was sent.
    Canceled(Box<Failure>),
}

/// How the start of a Nexus operation was resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum NexusStartResolution {
    /// It runs; the token that its handler gave it.
    StartedAsync(String),
    /// It closed at once: [`Job::NexusResolved`] is in the same activation.
    StartedSync,
    /// It did not start.
    Failed(Box<Failure>),
}
