//! What a guest is told: activations and the jobs in them.

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
    /// Why it suggests so.
    pub continue_as_new_reasons: Vec<SuggestContinueAsNewReason>,
    /// Whether the target deployment version of the run is another one than that of the task.
    pub target_deployment_version_changed: bool,
    /// What executed this task when it was first executed; [`RunConfig::version`] when that is now.
    ///
    /// [`RunConfig::version`]: crate::RunConfig::version
    pub version: Option<Arc<WorkerDeploymentVersion>>,
    /// Whether this task was completed before. For the host (logs, metrics, `patched`), never for
    /// the guest's memory.
    pub is_replaying: bool,
    /// Patches that history says the run took, not announced in an earlier activation. What
    /// [`Patches::announce`] wants before the guest runs.
    ///
    /// [`Patches::announce`]: crate::Patches::announce
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
    /// First job of the first activation, and never again.
    Start(Box<Start>),
    /// A reset gave the run a new seed.
    UpdateRandomSeed {
        /// Run id of the run that the reset made.
        run_id: String,
        /// [`random_seed`](crate::random_seed) of it.
        seed: u64,
    },
    /// A signal arrived.
    Signal {
        /// The event that brought it.
        event_id: i64,
        /// All of the event.
        attributes: Box<WorkflowExecutionSignaledEventAttributes>,
    },
    /// An update is accepted; its handler is to run. The acceptance is already recorded.
    Update(Box<Update>),
    /// Somebody asked to cancel the run.
    Cancel(Box<WorkflowExecutionCancelRequestedEventAttributes>),
    /// A timer fired.
    TimerFired {
        /// Of the timer.
        seq: u32,
    },
    /// An activity or local activity is resolved.
    ActivityResolved {
        /// Of the activity.
        seq: u32,
        /// What it came to.
        resolution: ActivityResolution,
        /// Whether it was a local activity.
        is_local: bool,
    },
    /// The start of a child workflow is resolved.
    ChildWorkflowStartResolved {
        /// Of the child.
        seq: u32,
        /// How it came out.
        resolution: ChildWorkflowStartResolution,
    },
    /// A child workflow is resolved. Without an earlier start resolution when it was cancelled, in a
    /// way that does not wait, before it started.
    ChildWorkflowResolved {
        /// Of the child.
        seq: u32,
        /// What it came to.
        outcome: Outcome,
    },
    /// A signal to another workflow was delivered, or not.
    ExternalSignalResolved {
        /// Of the signal.
        seq: u32,
        /// Why it was not delivered.
        failure: Option<Box<Failure>>,
    },
    /// A cancellation request to another workflow was delivered, or not.
    ExternalCancelResolved {
        /// Of the request.
        seq: u32,
        /// Why it was not delivered.
        failure: Option<Box<Failure>>,
    },
    /// The start of a Nexus operation is resolved.
    NexusStartResolved {
        /// Of the operation.
        seq: u32,
        /// How it came out.
        resolution: NexusStartResolution,
    },
    /// A Nexus operation is resolved.
    NexusResolved {
        /// Of the operation.
        seq: u32,
        /// What it came to.
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

/// The run begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// When the run started.
    pub time: Timestamp,
    /// [`random_seed`](crate::random_seed) of the original run id.
    pub seed: u64,
    /// All of the event.
    pub attributes: WorkflowExecutionStartedEventAttributes,
}

/// An update.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// By which `CompleteUpdate` names it.
    pub protocol_instance_id: String,
    /// Id, name, arguments and headers. `meta` and `input` are always set.
    pub request: Request,
}

/// What something that can fail came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Its result; some SDKs record none for the unit type.
    Completed(Option<Payload>),
    /// Why it failed.
    Failed(Box<Failure>),
    /// It failed because it was cancelled.
    Canceled(Box<Failure>),
}

/// What an activity came to.
#[derive(Clone, Debug, PartialEq)]
pub enum ActivityResolution {
    /// It is over.
    Outcome(Outcome),
    /// Local activities only: the guest is to schedule it again after a timer.
    Backoff(LocalActivityBackoff),
}

/// A local activity is to be scheduled again after a timer.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalActivityBackoff {
    /// The attempt to schedule then.
    pub attempt: u32,
    /// How long to wait.
    pub backoff: Duration,
    /// When the first attempt was scheduled.
    pub original_schedule_time: Option<Timestamp>,
}

/// How the start of a child workflow came out.
#[derive(Clone, Debug, PartialEq)]
pub enum ChildWorkflowStartResolution {
    /// Its run id.
    Started(String),
    /// It could not be started.
    Failed(StartChildWorkflowExecutionFailedCause),
    /// It was cancelled before it was sent.
    Canceled(Box<Failure>),
}

/// How the start of a Nexus operation came out.
#[derive(Clone, Debug, PartialEq)]
pub enum NexusStartResolution {
    /// It runs; its token.
    StartedAsync(String),
    /// It is already over: [`Job::NexusResolved`] is in the same activation.
    StartedSync,
    /// It did not start.
    Failed(Box<Failure>),
}
