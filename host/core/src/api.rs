//! What a run asks of its worker, and what the worker tells it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use host_wire::temporal::api::{
    command::v1 as wire_command,
    deployment::v1::WorkerDeploymentVersion,
    failure::v1::Failure,
    protocol::v1::Message,
    query::v1::{WorkflowQuery, WorkflowQueryResult},
    sdk::v1::WorkflowTaskCompletedMetadata,
    workflowservice::v1::PollWorkflowTaskQueueResponse,
};
use prost_types::Timestamp;

use crate::{
    command::LocalActivity,
    job::{Activation, Outcome, Update},
};

/// What a run's worker knows that its history does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunConfig {
    /// The run; not the one of its history's start when it was reset.
    pub run_id: String,
    /// What is written as `sdk_name` of completed tasks.
    pub sdk_name: String,
    /// What is written as `sdk_version` of completed tasks.
    pub sdk_version: String,
    /// Whether the service takes `sdk_metadata`: its capability of that name. Without it no flags are
    /// written, so none are used where nothing was recorded yet.
    pub writes_sdk_metadata: bool,
    /// What executes tasks from now on.
    pub version: Option<Arc<WorkerDeploymentVersion>>,
}

/// What a polled workflow task says besides its history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// The task's `WorkflowTaskStarted` event; 0 for a query on its own.
    pub started_event_id: i64,
    /// The `WorkflowTaskStarted` event of the last completed task; 0 when there is none. What comes
    /// after it is new. `None` when the history says it itself: a replay to its end.
    pub previous_started_event_id: Option<i64>,
    /// From 1: how often the service has given out this task.
    pub attempt: u32,
    /// Queries to be answered with the task's completion, by id.
    pub queries: BTreeMap<String, WorkflowQuery>,
    /// A query to be answered on its own.
    pub query: Option<WorkflowQuery>,
    /// Updates to be accepted or rejected.
    pub messages: Vec<Message>,
}

impl Task {
    /// Takes what concerns a run out of a polled task; the history stays.
    #[must_use]
    pub fn from_poll(polled: &mut PollWorkflowTaskQueueResponse) -> Self {
        Self {
            started_event_id: polled.started_event_id,
            previous_started_event_id: Some(polled.previous_started_event_id),
            attempt: u32::try_from(polled.attempt).unwrap_or(1),
            queries: std::mem::take(&mut polled.queries),
            query: polled.query.take(),
            messages: std::mem::take(&mut polled.messages),
        }
    }

    /// The replay of a history to its end, which produces nothing.
    #[must_use]
    pub fn replay() -> Self {
        Self { attempt: 1, ..Self::default() }
    }
}

/// What a run wants next.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Step {
    /// More history is needed: answer with [`Run::feed`](crate::Run::feed).
    NeedEvents,
    /// Call the guest: answer with [`Run::activated`](crate::Run::activated).
    Activate(Activation),
    /// Ask a disposable copy of the guest: answer with [`Run::validated`](crate::Run::validated).
    ValidateUpdate(Box<UpdateValidation>),
    /// Ask a disposable copy of the guest: answer with [`Run::answered`](crate::Run::answered).
    Query(Box<Query>),
    /// Run and cancel local activities. Answer each that ends, whenever that is, with
    /// [`Run::local_activity_resolved`](crate::Run::local_activity_resolved).
    LocalActivities(LocalActivityRequests),
    /// The task is done: `RespondWorkflowTaskCompleted`. A completion that fails, whose fate is not
    /// known, or whose answer has a `reset_history_event_id`, leaves the run ahead of its history: drop
    /// it.
    Respond(Box<Completion>),
    /// The query is answered: `RespondQueryTaskCompleted`.
    RespondQuery(Box<WorkflowQueryResult>),
    /// Nothing to do: the task is answered, local activities run, or a replay is at its end.
    Idle,
}

/// An update to be accepted or rejected.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateValidation {
    /// The update.
    pub update: Update,
    /// What the copy has to be activated with first: the jobs that precede the update in the
    /// activation that is to come. What the copy asks for is dropped. Activating only the copy keeps
    /// a rejected update, which leaves no trace in history, from cutting the activation in two.
    pub preceding: Option<Activation>,
}

/// A query to be answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Its id; empty for a query on its own.
    pub id: String,
    /// Name, arguments and headers.
    pub query: WorkflowQuery,
    /// The state it is asked of: an activation without jobs.
    pub state: Activation,
}

/// Local activities to start and to cancel. Cancellations come first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LocalActivityRequests {
    /// Of those that run.
    pub cancel: Vec<u32>,
    /// Sequence number and what to run.
    pub start: Vec<(u32, LocalActivity)>,
    /// Whether the run has ended: whatever runs for it is to be cancelled, and not answered.
    pub cancel_all: bool,
}

/// How a local activity that the worker ran came out.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalActivityResult {
    /// What it was asked with.
    pub seq: u32,
    /// How the last attempt came out. The failure of an attempt that timed out carries timeout
    /// information, as the protocol has it.
    pub outcome: Outcome,
    /// The last attempt.
    pub attempt: u32,
    /// How long it ran, all attempts together: by so much the time of the workflow moves.
    pub runtime: Duration,
    /// The workflow is to wait so long, with a timer, and to schedule it again.
    pub backoff: Option<Duration>,
    /// When the worker first scheduled it.
    pub original_schedule_time: Option<Timestamp>,
}

/// What a completed workflow task sends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    /// In the order in which the guest asked, an ending last.
    pub commands: Vec<wire_command::Command>,
    /// What became of updates.
    pub messages: Vec<Message>,
    /// Answers to the task's queries, by id.
    pub query_results: BTreeMap<String, WorkflowQueryResult>,
    /// Flags and names that history does not have yet. Empty when the service takes none.
    pub sdk_metadata: WorkflowTaskCompletedMetadata,
    /// Another task is wanted at once: local activities still run.
    pub force_create_new_workflow_task: bool,
    /// Whether the commands end the run.
    pub ends_run: bool,
}

/// Why an update was rejected.
pub type Rejection = Box<Failure>;
