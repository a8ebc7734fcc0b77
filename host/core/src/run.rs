//! One run: takes events, gives steps. Dispatch only; what each command and event does stands in the
//! file of its kind.

use bytes::Bytes;
use host_wire::temporal::api::query::v1::WorkflowQueryResult;

use crate::{
    command::Command,
    error::Error,
    step::{LocalActivityResult, Rejection, RunConfig, Step, Task},
};

/// One run of a workflow, driven by its worker: a value that neither waits nor looks at anything but
/// what it is given.
#[derive(Debug)]
pub struct Run {
    config: RunConfig,
}

impl Run {
    /// A run nothing is known of yet.
    #[must_use]
    pub fn new(config: RunConfig) -> Self {
        Self { config }
    }

    /// A task was polled for the run. Before its history is fed.
    ///
    /// # Errors
    ///
    /// When the last one is not answered yet.
    pub fn start_task(&mut self, _task: Task) -> Result<(), Error> {
        Ok(())
    }

    /// More history: encoded `HistoryEvent` messages, in order. Events that are known are dropped, so
    /// that a page may overlap with what was fed before.
    ///
    /// # Errors
    ///
    /// When something is not an event.
    pub fn feed(&mut self, _events: impl IntoIterator<Item = Bytes>, _last_page: bool) -> Result<(), Error> {
        Ok(())
    }

    /// What is to be done now.
    ///
    /// # Errors
    ///
    /// When history and workflow do not agree, or either makes no sense. The run is of no use then;
    /// every later call gives the same error.
    pub fn next_step(&mut self) -> Result<Step, Error> {
        Ok(Step::Idle)
    }

    /// Answers [`Step::Activate`]: what the guest asked for.
    ///
    /// # Errors
    ///
    /// See [`Run::next_step`].
    pub fn activated(&mut self, _commands: Vec<Command>) -> Result<(), Error> {
        Ok(())
    }

    /// Answers [`Step::ValidateUpdate`].
    ///
    /// # Errors
    ///
    /// See [`Run::next_step`].
    pub fn validated(&mut self, _verdict: Result<(), Rejection>) -> Result<(), Error> {
        Ok(())
    }

    /// Answers [`Step::Query`].
    ///
    /// # Errors
    ///
    /// See [`Run::next_step`].
    pub fn answered(&mut self, _answer: WorkflowQueryResult) -> Result<(), Error> {
        Ok(())
    }

    /// A local activity that [`Step::LocalActivities`] asked for is over. At any time; what is late is
    /// ignored.
    ///
    /// # Errors
    ///
    /// See [`Run::next_step`].
    pub fn local_activity_resolved(&mut self, _result: LocalActivityResult) -> Result<(), Error> {
        Ok(())
    }

    /// The task is about to time out while local activities run: answers it, and asks for another one.
    pub fn heartbeat(&mut self) {}

    /// What executed the last completed task of the history fed so far, as its `WorkflowTaskCompleted`
    /// event names it: the build id of its deployment version or of its version stamp. Whose format is
    /// foreign counts as unnamed; that is the caller's to see.
    #[must_use]
    pub fn named_build_id(&self) -> Option<&str> {
        None
    }

    /// Whether the run was reset after its last completed task.
    #[must_use]
    pub fn was_reset(&self) -> bool {
        false
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Whether the guest ended the run.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        false
    }
}
