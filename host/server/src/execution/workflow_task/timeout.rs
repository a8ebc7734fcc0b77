//! The timeout of workflow tasks, as starts ask for it.

use std::time::Duration;

use crate::{
    limits,
    time::{positive, stored},
};

/// `workflow_task_timeout` as the started event has it: the default where none is asked for, at most
/// [`limits::WORKFLOW_TASK_TIMEOUT`] and the run timeout.
pub(crate) fn task_timeout_or_default(
    timeout: Option<prost_types::Duration>,
    run_timeout: Option<Duration>,
) -> Option<prost_types::Duration> {
    let timeout =
        positive(timeout).unwrap_or(limits::DEFAULT_WORKFLOW_TASK_TIMEOUT).min(limits::WORKFLOW_TASK_TIMEOUT);
    stored(Some(run_timeout.map_or(timeout, |run_timeout| timeout.min(run_timeout))))
}
