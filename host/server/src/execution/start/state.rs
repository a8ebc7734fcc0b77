//! What a run was started with.

use host_wire::temporal::api::{
    history::v1::WorkflowExecutionStartedEventAttributes, sdk::v1::UserMetadata, taskqueue::v1::TaskQueue,
};

use crate::time::{Time, positive};

/// The first event of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Start {
    attributes: Box<WorkflowExecutionStartedEventAttributes>,
    user_metadata: Option<UserMetadata>,
    time: Time,
    reset_time: Option<Time>,
}

impl Start {
    pub(crate) fn attributes(&self) -> &WorkflowExecutionStartedEventAttributes {
        &self.attributes
    }

    pub(crate) fn user_metadata(&self) -> Option<&UserMetadata> {
        self.user_metadata.as_ref()
    }

    /// The time of the start: that of the first event, or of the reset that made the run.
    pub(crate) fn time(&self) -> Time {
        self.reset_time.unwrap_or(self.time)
    }

    /// The time of the first event, which a reset takes over. `original_start_time` of the protocol.
    pub(crate) fn original_time(&self) -> Time {
        self.time
    }

    /// When a reset made the run.
    pub(crate) fn reset_time(&self) -> Option<Time> {
        self.reset_time
    }

    /// When the first workflow task may run: after `first_workflow_task_backoff`. `ExecutionTime` of the protocol.
    pub(crate) fn execution_time(&self) -> Time {
        self.time().after(positive(self.attributes.first_workflow_task_backoff).unwrap_or_default())
    }

    /// The end of the run timeout or of the execution timeout, whichever is earlier.
    pub(crate) fn expires(&self) -> Option<Time> {
        let since = self.reset_time.unwrap_or_else(|| self.execution_time());
        let by_run = positive(self.attributes.workflow_run_timeout).map(|timeout| since.after(timeout));
        by_run.into_iter().chain(self.execution_expires()).min()
    }

    /// The end of the execution timeout, which all runs of a chain share.
    pub(crate) fn execution_expires(&self) -> Option<Time> {
        self.attributes.workflow_execution_expiration_time.map(Time::from)
    }

    pub(crate) fn workflow_type(&self) -> &str {
        self.attributes.workflow_type.as_ref().map_or("", |workflow_type| &workflow_type.name)
    }

    /// The task queue that answers name.
    pub(crate) fn queue(&self) -> Option<&TaskQueue> {
        self.attributes.task_queue.as_ref()
    }

    pub(crate) fn queue_name(&self) -> &str {
        self.queue().map_or("", |queue| &queue.name)
    }

    /// A reset made the run: its timeouts begin anew.
    pub(in crate::execution) fn reset(&mut self, time: Time) {
        self.reset_time = Some(time);
        if let Some(timeout) = positive(self.attributes.workflow_execution_timeout) {
            self.attributes.workflow_execution_expiration_time = Some(time.after(timeout).into());
        }
    }

    pub(in crate::execution) fn started(
        &mut self,
        time: Time,
        attributes: &WorkflowExecutionStartedEventAttributes,
        user_metadata: Option<UserMetadata>,
    ) {
        *self.attributes = attributes.clone();
        self.user_metadata = user_metadata;
        self.time = time;
    }
}
