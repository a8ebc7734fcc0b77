//! What a workflow does with its own run: continue as new, patches, search attributes, memo, details.

use std::convert::Infallible;
use std::time::Duration;

use guest_sdk_types::{Callable, IntoPayloads, NamedPayloads, Payload, PayloadError, RetryPolicy};
use serde::Serialize;

use crate::bindings::workflow::host::types::VersioningIntent;
use crate::bindings::workflow::host::workflow as wit;
pub use crate::bindings::workflow::host::workflow::ContinueAsNewVersioningBehavior;
use crate::context::SyncWorkflowContext;
use crate::convert::{duration, named_payloads, payloads, retry_policy};
use crate::error::{ContinueAsNewRequest, WorkflowTermination, failure_of};
use crate::host;
use crate::memo::Memo;
use crate::options::default_options;
use crate::search_attributes::{SearchAttributeUpdate, SearchAttributes};
use crate::workflow::WorkflowImplementation;

default_options! {
    /// How a run continues as new. What is not set stays as it is.
    ContinueAsNewOptions, ContinueAsNewOptionsBuilder {
        /// The workflow type.
        workflow_type, with_workflow_type: String;
        /// The task queue.
        task_queue, with_task_queue: String;
        /// How long the new run may take.
        run_timeout, with_run_timeout: Duration;
        /// How long a workflow task of the new run may take.
        task_timeout, with_task_timeout: Duration;
        /// How long until the new run gets its first workflow task.
        backoff_start_interval, with_backoff_start_interval: Duration;
        /// The memo.
        memo, with_memo: Memo;
        /// The search attributes.
        search_attributes, with_search_attributes: SearchAttributes;
        /// The retry policy.
        retry_policy, with_retry_policy: RetryPolicy;
        /// Headers of the new run.
        headers, with_headers: NamedPayloads;
        /// The version that the first task of the new run uses.
        initial_versioning_behavior, with_initial_versioning_behavior: ContinueAsNewVersioningBehavior;
    }
}

impl ContinueAsNewOptions {
    fn into_command(self, arguments: Vec<Payload>) -> wit::ContinueAsNewOptions {
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

impl<W> SyncWorkflowContext<W> {
    /// Ends this run, and starts a new one of the same execution: `ctx.continue_as_new(input, options)?`.
    ///
    /// # Errors
    /// Always, as what is to be returned from the main routine is an error.
    pub fn continue_as_new(
        &self,
        input: impl Into<<W::Run as Callable>::Input>,
        options: ContinueAsNewOptions,
    ) -> Result<Infallible, WorkflowTermination>
    where
        W: WorkflowImplementation,
    {
        let arguments = W::Run::arguments(input.into()).into_payloads()?;
        let request = ContinueAsNewRequest(options.into_command(arguments));
        Err(WorkflowTermination::ContinueAsNew(Box::new(request)))
    }

    /// Whether the run takes the new path of a change, and records that it does. A run that passed here
    /// before the change was made gets false, for ever.
    #[must_use]
    pub fn patched(&self, patch_id: &str) -> bool {
        host::workflow::patched(patch_id, false)
    }

    /// As [`patched`](Self::patched), once no code for the old path is left.
    pub fn deprecate_patch(&self, patch_id: &str) -> bool {
        host::workflow::patched(patch_id, true)
    }

    /// Adds, replaces or removes search attributes.
    pub fn upsert_search_attributes(&self, updates: impl IntoIterator<Item = SearchAttributeUpdate>) {
        let mut sent = NamedPayloads::new();
        let mut known = SearchAttributes(self.run().search_attributes.take());
        for update in updates {
            let payload = update.payload.clone().unwrap_or_else(Payload::null);
            sent.insert(update.name.to_owned(), payload);
            known.apply(update);
        }
        self.run().search_attributes.replace(known.0);
        host::workflow::upsert_search_attributes(&named_payloads(sent));
    }

    /// Adds or replaces fields of the memo, or removes them (`None`).
    ///
    /// # Errors
    /// As [`Payload::from_value`].
    pub fn upsert_memo<K: Into<String>>(
        &self,
        updates: impl IntoIterator<Item = (K, Option<MemoValue>)>,
    ) -> Result<(), PayloadError> {
        let mut sent = NamedPayloads::new();
        for (name, value) in updates {
            let payload = value.map_or_else(|| Ok(Payload::null()), |value| value.0)?;
            sent.insert(name.into(), payload);
        }
        let mut known = self.run().memo.borrow_mut();
        for (name, payload) in &sent {
            if *payload == Payload::null() {
                known.remove(name);
            } else {
                known.insert(name.clone(), payload.clone());
            }
        }
        host::workflow::upsert_memo(&named_payloads(sent));
        Ok(())
    }

    /// What user interfaces show as the current state of the run: Markdown.
    pub fn set_current_details(&self, details: impl Into<String>) {
        let details = details.into();
        host::workflow::set_current_details(&details);
        self.run().current_details.replace(details);
    }

    /// Fails the workflow task at the end of this activation, so that it is tried again.
    pub fn force_task_fail(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) {
        self.run().fail_task(Box::new(failure_of(error.into())));
    }
}

/// A value of a memo.
#[derive(Debug)]
pub struct MemoValue(Result<Payload, PayloadError>);

impl MemoValue {
    /// Any serde value.
    pub fn new<T: Serialize>(value: T) -> Self {
        Self(Payload::from_value(&value))
    }
}
