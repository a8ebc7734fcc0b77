//! The steps of a run: what it asks of its worker, and what the worker answers.

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

/// What the worker knows of a run that the run's history does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunConfig {
    /// Id of the run. After a reset it is another one than that of the `WorkflowExecutionStarted` event.
    pub run_id: String,
    /// `sdk_name` of the `sdk_metadata` of completed tasks.
    pub sdk_name: String,
    /// `sdk_version` of the `sdk_metadata` of completed tasks.
    pub sdk_version: String,
    /// Whether the service takes `sdk_metadata`: the capability of that name in `GetSystemInfo`. Without it
    /// no flags are written, so none are used where nothing was recorded yet.
    pub writes_sdk_metadata: bool,
    /// The worker version that executes tasks from now on.
    pub version: Option<Arc<WorkerDeploymentVersion>>,
}

/// What a polled workflow task says besides its history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// Id of the task's `WorkflowTaskStarted` event; 0 for a query on its own.
    pub started_event_id: i64,
    /// Id of the `WorkflowTaskStarted` event of the last completed task; 0 when there is none. Later events
    /// are new. `None` in a replay to the end of a history, which says itself what was completed.
    pub previous_started_event_id: Option<i64>,
    /// How often the service has given out this task, from 1.
    pub attempt: u32,
    /// Queries to be answered with the task's completion, by the id that the service assigned.
    pub queries: BTreeMap<String, WorkflowQuery>,
    /// A query to be answered on its own.
    pub query: Option<WorkflowQuery>,
    /// Requests to update, each to be accepted or rejected.
    pub messages: Vec<Message>,
}

impl Task {
    /// Takes the fields that concern a run out of a polled task; the history stays in it.
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

    /// The replay of a history to its end, which is not answered.
    #[must_use]
    pub fn replay() -> Self {
        Self { attempt: 1, ..Self::default() }
    }
}

/// What a run asks of its worker next.
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
    /// Nothing: the task is answered, local activities run, or a replay is at its end.
    Idle,
}

/// An update to be validated by a copy of the guest.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateValidation {
    /// Name, arguments and headers of the update.
    pub update: Update,
    /// Activation for the copy before it validates: the jobs that precede the update in the activation that
    /// is to come. Its commands are dropped. Activating only the copy keeps a rejected update, which leaves
    /// no trace in history, from cutting the activation in two.
    pub preceding: Option<Activation>,
}

/// A query to be answered by a copy of the guest.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The id that the service assigned; empty for a query on its own.
    pub id: String,
    /// Type, arguments and headers of the query.
    pub query: WorkflowQuery,
    /// The run's state, as an activation without jobs.
    pub state: Activation,
}

/// Local activities to start and to cancel. Cancellations come first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LocalActivityRequests {
    /// Sequence numbers of those that run and are to be cancelled.
    pub cancel: Vec<u32>,
    /// Sequence numbers of those to start, and what to run.
    pub start: Vec<(u32, LocalActivity)>,
    /// Whether the run has ended: all that run are to be cancelled, and need not be answered.
    pub cancel_all: bool,
}

/// How a local activity that the worker ran closed.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalActivityResult {
    /// Sequence number of the local activity.
    pub seq: u32,
    /// Result or failure of the last attempt. The failure of an attempt that timed out carries
    /// `TimeoutFailureInfo`.
    pub outcome: Outcome,
    /// Number of the last attempt, from 1.
    pub attempt: u32,
    /// How long all attempts together took: the time of the workflow advances by it.
    pub runtime: Duration,
    /// How long the workflow is to wait, with a timer, before it schedules the activity again; nothing when
    /// the activity closed.
    pub backoff: Option<Duration>,
    /// When the first attempt was scheduled.
    pub original_schedule_time: Option<Timestamp>,
}

/// What `RespondWorkflowTaskCompleted` sends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    /// In the order in which the guest asked, an ending last.
    pub commands: Vec<wire_command::Command>,
    /// Acceptances, rejections and completions of updates.
    pub messages: Vec<Message>,
    /// Answers to the task's queries, by id.
    pub query_results: BTreeMap<String, WorkflowQueryResult>,
    /// Flags and names that history does not have yet. Empty when the service takes none.
    pub sdk_metadata: WorkflowTaskCompletedMetadata,
    /// Whether another task is wanted at once, because local activities still run.
    pub force_create_new_workflow_task: bool,
    /// Whether the commands end the run.
    pub ends_run: bool,
}

/// The failure with which an update is rejected.
pub type Rejection = Box<Failure>;
