//! Options of child workflows.

use std::time::Duration;

use guest_sdk_types::{NamedPayloads, Payload, Priority, RetryPolicy};

use crate::bindings::workflow::host::child_workflows as wit;
pub use crate::bindings::workflow::host::child_workflows::{
    CancellationType as ChildWorkflowCancellationType, IdReusePolicy as WorkflowIdReusePolicy,
    ParentClosePolicy, VersioningOverride,
};
use crate::bindings::workflow::host::types::VersioningIntent;
use crate::cancellation::WorkflowCancellationToken;
use crate::convert::{duration, named_payloads, payloads, priority, retry_policy, user_metadata};
use crate::memo::Memo;
use crate::options::default_options;
use crate::random::uuid4;
use crate::search_attributes::SearchAttributes;

default_options! {
    /// Options of a child workflow.
    ChildWorkflowOptions, ChildWorkflowOptionsBuilder {
        /// The workflow id. Default: a random UUID, the same in every replay.
        workflow_id, with_workflow_id: String;
        /// The task queue. Default: the task queue of the parent.
        task_queue, with_task_queue: String;
        /// When the futures of a cancelled child resolve. Default: `WaitCancellationCompleted`, when the
        /// child has closed.
        cancel_type, with_cancel_type: ChildWorkflowCancellationType;
        /// The token that cancels the child. Default: the token of the run.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// What the service does with the child when the parent closes. Default: terminate it.
        parent_close_policy, with_parent_close_policy: ParentClosePolicy;
        /// Whether the workflow id of a closed execution may be used again. Default: `AllowDuplicate`.
        id_reuse_policy, with_id_reuse_policy: WorkflowIdReusePolicy;
        /// From the start of the child to the end of its last run: retries, cron and continue-as-new
        /// included. Default: no limit.
        execution_timeout, with_execution_timeout: Duration;
        /// From the start to the end of one run of the child. Default: the execution timeout.
        run_timeout, with_run_timeout: Duration;
        /// From the start to the completion of one workflow task of the child. Default: 10 s.
        task_timeout, with_task_timeout: Duration;
        /// The retry policy. Default: no retries.
        retry_policy, with_retry_policy: RetryPolicy;
        /// The cron schedule: five fields, or `@every` and a duration. Default: none.
        cron_schedule, with_cron_schedule: String;
        /// Headers of the child.
        headers, with_headers: NamedPayloads;
        /// The memo of the child. Default: none.
        memo, with_memo: Memo;
        /// The search attributes of the child.
        search_attributes, with_search_attributes: SearchAttributes;
        /// The priority of the child's tasks. Default: the priority of the parent.
        priority, with_priority: Priority;
        /// The Worker Deployment Version that runs the child, instead of the one that the task queue
        /// routes to.
        versioning_override, with_versioning_override: VersioningOverride;
        /// One line that user interfaces show.
        static_summary, with_static_summary: String;
        /// Several lines that user interfaces show.
        static_details, with_static_details: String;
    }
}

impl ChildWorkflowOptions {
    /// Options with a workflow id.
    pub fn workflow_id(workflow_id: impl Into<String>) -> Self {
        Self::default().with_workflow_id(workflow_id)
    }

    pub(super) fn into_command(
        self,
        workflow_type: String,
        arguments: Vec<Payload>,
    ) -> wit::ChildWorkflowOptions {
        let named = |named: Option<NamedPayloads>| named.map(named_payloads).unwrap_or_default();
        wit::ChildWorkflowOptions {
            namespace: None,
            workflow_id: self.workflow_id.filter(|id| !id.is_empty()).unwrap_or_else(uuid4),
            workflow_type,
            task_queue: self.task_queue,
            arguments: payloads(arguments),
            execution_timeout: self.execution_timeout.map(duration),
            run_timeout: self.run_timeout.map(duration),
            task_timeout: self.task_timeout.map(duration),
            parent_close_policy: self.parent_close_policy.unwrap_or(ParentClosePolicy::Unspecified),
            id_reuse_policy: self.id_reuse_policy.unwrap_or(WorkflowIdReusePolicy::AllowDuplicate),
            retry_policy: self.retry_policy.map(retry_policy),
            cron_schedule: self.cron_schedule.unwrap_or_default(),
            headers: named(self.headers),
            memo: named(self.memo.map(|memo| memo.0)),
            search_attributes: named(self.search_attributes.map(|attributes| attributes.0)),
            cancellation_type: self
                .cancel_type
                .unwrap_or(ChildWorkflowCancellationType::WaitCancellationCompleted),
            versioning_intent: VersioningIntent::Unspecified,
            priority: self.priority.map(priority),
            versioning_override: self.versioning_override,
            user_metadata: user_metadata(self.static_summary, self.static_details),
        }
    }
}
