//! How a workflow is started: the options that `start` and `execute` share.

use std::time::Duration;

use clap::{Args, ValueEnum};
use guest_sdk_types::Priority;
use host_client::{IdConflictPolicy, IdReusePolicy, StartOptions};

use super::{
    duration,
    input::InputArgs,
    pairs::{self, JsonPair},
};

/// Arguments of a start.
#[derive(Args, Clone, Debug)]
pub(crate) struct StartArgs {
    /// Workflow type.
    #[arg(long = "type", alias = "name", value_name = "TYPE")]
    pub(crate) workflow_type: String,
    /// The task queue that its workers poll.
    #[arg(short, long, value_name = "QUEUE")]
    pub(crate) task_queue: String,
    /// Workflow id; a new UUID if left out.
    #[arg(short, long, alias = "id", value_name = "ID")]
    workflow_id: Option<String>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// What happens when a closed execution has the id.
    #[arg(long, value_name = "POLICY", ignore_case = true)]
    id_reuse_policy: Option<Reuse>,
    /// What happens when an open execution has the id. Without this and --fail-existing, it is used.
    #[arg(long, value_name = "POLICY", ignore_case = true)]
    id_conflict_policy: Option<Conflict>,
    /// Fail if an open execution has the id.
    #[arg(long, conflicts_with = "id_conflict_policy")]
    fail_existing: bool,
    /// End the execution, with everything it continues as, after this time.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    execution_timeout: Option<Duration>,
    /// End a single run after this time.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    run_timeout: Option<Duration>,
    /// How long a worker may take for one workflow task.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    task_timeout: Option<Duration>,
    /// Start after this time.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    start_delay: Option<Duration>,
    /// Run again and again.
    #[arg(long, value_name = "SCHEDULE", conflicts_with = "start_delay")]
    cron: Option<String>,
    /// Kept with the execution. Again for each key.
    #[arg(long, value_name = "KEY=JSON", value_parser = pairs::parse_json)]
    memo: Vec<JsonPair>,
    /// Kept with the execution and searchable. Again for each key.
    #[arg(long, value_name = "KEY=JSON", value_parser = pairs::parse_json)]
    search_attribute: Vec<JsonPair>,
    /// Passed to the workflow beside its arguments. Again for each key.
    #[arg(long, value_name = "KEY=JSON", value_parser = pairs::parse_json)]
    headers: Vec<JsonPair>,
    /// 1 (first) to 5 (last) among the waiting tasks of the queue.
    #[arg(long, value_name = "1-5", value_parser = clap::value_parser!(u32).range(1..=5))]
    priority_key: Option<u32>,
    /// One line about the execution, for people.
    #[arg(long, value_name = "TEXT")]
    static_summary: Option<String>,
    /// More about the execution, for people.
    #[arg(long, value_name = "TEXT")]
    static_details: Option<String>,
}

/// The policies have their names in the protocol's spelling.
#[derive(ValueEnum, Clone, Copy, Debug)]
#[value(rename_all = "PascalCase")]
enum Reuse {
    AllowDuplicate,
    AllowDuplicateFailedOnly,
    RejectDuplicate,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
#[value(rename_all = "PascalCase")]
enum Conflict {
    Fail,
    UseExisting,
    TerminateExisting,
}

impl StartArgs {
    /// The options for the client.
    pub(crate) fn options(&self) -> StartOptions {
        StartOptions {
            task_queue: self.task_queue.clone(),
            workflow_id: self.workflow_id.clone().unwrap_or_default(),
            id_reuse_policy: match self.id_reuse_policy {
                None => IdReusePolicy::Unspecified,
                Some(Reuse::AllowDuplicate) => IdReusePolicy::AllowDuplicate,
                Some(Reuse::AllowDuplicateFailedOnly) => IdReusePolicy::AllowDuplicateFailedOnly,
                Some(Reuse::RejectDuplicate) => IdReusePolicy::RejectDuplicate,
            },
            id_conflict_policy: match self.id_conflict_policy {
                // As the `temporal` CLI does: attaching is what a repeated command means.
                None if !self.fail_existing => IdConflictPolicy::UseExisting,
                None | Some(Conflict::Fail) => IdConflictPolicy::Fail,
                Some(Conflict::UseExisting) => IdConflictPolicy::UseExisting,
                Some(Conflict::TerminateExisting) => IdConflictPolicy::TerminateExisting,
            },
            execution_timeout: self.execution_timeout,
            run_timeout: self.run_timeout,
            task_timeout: self.task_timeout,
            start_delay: self.start_delay,
            cron_schedule: self.cron.clone(),
            retry_policy: None,
            memo: pairs::by_name(&self.memo),
            search_attributes: pairs::by_name(&self.search_attribute),
            headers: pairs::by_name(&self.headers),
            priority: self.priority_key.map(|priority_key| Priority { priority_key, ..Priority::default() }),
            static_summary: self.static_summary.clone(),
            static_details: self.static_details.clone(),
        }
    }
}
