//! The lines that ask for the rarer kinds of commands, and the options of these.

use bindings::workflow::host::activities::{self, CancellationType, LocalActivityOptions};
use bindings::workflow::host::child_workflows::{
    self, ChildWorkflowOptions, IdReusePolicy, ParentClosePolicy,
};
use bindings::workflow::host::external_workflows::{self, SignalOptions, SignalTarget};
use bindings::workflow::host::types::{NamedPayload, NamespacedExecution, VersioningIntent};
use bindings::workflow::host::workflow::{self, ContinueAsNewOptions, ContinueAsNewVersioningBehavior};

use crate::{attack, text};

/// Runs one line.
pub(crate) fn run(word: &str, argument: &str) {
    match word {
        "local-activity" => {
            activities::schedule_local(&local_activity(argument));
        }
        "child" => {
            child_workflows::start(&child(argument));
        }
        "signal-child" => {
            external_workflows::signal(&signal(argument.to_owned()));
        }
        "cancel-other" => {
            external_workflows::request_cancel(&other(String::new(), argument.to_owned()), "");
        }
        "memo" => workflow::upsert_memo(&named("m", argument)),
        "attribute" => workflow::upsert_search_attributes(&named("a", argument)),
        "continue-as-new" => workflow::continue_as_new(&new_run(argument.to_owned())),
        _ => attack::run(word, argument),
    }
}

fn named(name: &str, argument: &str) -> Vec<NamedPayload> {
    vec![NamedPayload { name: name.to_owned(), payload: text(argument) }]
}

pub(crate) fn signal(child: String) -> SignalOptions {
    SignalOptions {
        target: SignalTarget::Child(child),
        name: String::new(),
        arguments: Vec::new(),
        headers: Vec::new(),
        user_metadata: None,
    }
}

pub(crate) fn other(namespace: String, workflow_id: String) -> NamespacedExecution {
    NamespacedExecution { namespace, workflow_id, run_id: String::new() }
}

pub(crate) fn new_run(workflow_type: String) -> ContinueAsNewOptions {
    ContinueAsNewOptions {
        workflow_type: Some(workflow_type),
        task_queue: None,
        arguments: Vec::new(),
        run_timeout: None,
        task_timeout: None,
        memo: None,
        headers: Vec::new(),
        search_attributes: None,
        retry_policy: None,
        versioning_intent: VersioningIntent::Unspecified,
        initial_versioning_behavior: ContinueAsNewVersioningBehavior::Unspecified,
        backoff_start_interval: None,
    }
}

fn local_activity(activity_type: &str) -> LocalActivityOptions {
    LocalActivityOptions {
        activity_id: None,
        activity_type: activity_type.to_owned(),
        headers: Vec::new(),
        arguments: Vec::new(),
        attempt: 1,
        original_schedule_time: None,
        schedule_to_close_timeout: None,
        schedule_to_start_timeout: None,
        start_to_close_timeout: Some(1_000_000_000),
        retry_policy: None,
        local_retry_threshold: None,
        cancellation_type: CancellationType::TryCancel,
        include_arguments_in_marker: false,
        user_metadata: None,
    }
}

fn child(workflow_type: &str) -> ChildWorkflowOptions {
    ChildWorkflowOptions {
        namespace: None,
        workflow_id: "child".to_owned(),
        workflow_type: workflow_type.to_owned(),
        task_queue: None,
        arguments: Vec::new(),
        execution_timeout: None,
        run_timeout: None,
        task_timeout: None,
        parent_close_policy: ParentClosePolicy::Unspecified,
        id_reuse_policy: IdReusePolicy::Unspecified,
        retry_policy: None,
        cron_schedule: String::new(),
        headers: Vec::new(),
        memo: Vec::new(),
        search_attributes: Vec::new(),
        cancellation_type: child_workflows::CancellationType::Abandon,
        versioning_intent: VersioningIntent::Unspecified,
        priority: None,
        versioning_override: None,
        user_metadata: None,
    }
}
