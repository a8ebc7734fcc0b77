//! Options of continue-as-new.

use std::time::Duration;

use guest_sdk_types::{NamedPayloads, Payload, RetryPolicy};

use crate::bindings::workflow::host::types::VersioningIntent;
use crate::bindings::workflow::host::workflow as wit;
pub use crate::bindings::workflow::host::workflow::ContinueAsNewVersioningBehavior;
use crate::convert::{duration, named_payloads, payloads, retry_policy};
use crate::memo::Memo;
use crate::options::default_options;
use crate::search_attributes::SearchAttributes;

default_options! {
    /// Options of continue-as-new. The new run inherits what is not set.
    ContinueAsNewOptions, ContinueAsNewOptionsBuilder {
        /// The workflow type of the new run.
        workflow_type, with_workflow_type: String;
        /// The task queue of the new run.
        task_queue, with_task_queue: String;
        /// From the start to the end of the new run.
        run_timeout, with_run_timeout: Duration;
        /// From the start to the completion of a workflow task of the new run.
        task_timeout, with_task_timeout: Duration;
        /// From the start of the new run to its first workflow task. Default: none.
        backoff_start_interval, with_backoff_start_interval: Duration;
        /// The memo of the new run.
        memo, with_memo: Memo;
        /// The search attributes of the new run.
        search_attributes, with_search_attributes: SearchAttributes;
        /// The retry policy of the new run.
        retry_policy, with_retry_policy: RetryPolicy;
        /// Headers of the new run.
        headers, with_headers: NamedPayloads;
        /// Which Worker Deployment Version runs the first workflow task of the new run.
        initial_versioning_behavior, with_initial_versioning_behavior: ContinueAsNewVersioningBehavior;
    }
}

impl ContinueAsNewOptions {
    pub(super) fn into_command(self, arguments: Vec<Payload>) -> wit::ContinueAsNewOptions {
        wit::ContinueAsNewOptions {
            workflow_type: self.workflow_type,
            task_queue: self.task_queue,
            arguments: payloads(arguments),
            run_timeout: self.run_timeout.map(duration),
            task_timeout: self.task_timeout.map(duration),
            memo: self.memo.map(|memo| named_payloads(memo.0)),
            headers: self.headers.map(named_payloads).unwrap_or_default(),
            search_attributes: self.search_attributes.map(|attributes| named_payloads(attributes.0)),
            retry_policy: self.retry_policy.map(retry_policy),
            versioning_intent: VersioningIntent::Unspecified,
            initial_versioning_behavior: self
                .initial_versioning_behavior
                .unwrap_or(ContinueAsNewVersioningBehavior::Unspecified),
            backoff_start_interval: self.backoff_start_interval.map(duration),
        }
    }
}
