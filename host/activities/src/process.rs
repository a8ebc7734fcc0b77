//! A pool of child processes for activities that may crash or hang.

use guest_sdk_types::Payload;

use crate::cancel::Cancellation;
use crate::info::ActivityTask;
use crate::options::Options;
use crate::outcome::{Outcome, failed};
use crate::registry::Registry;

#[derive(Debug)]
pub(crate) struct ProcessPool {}

impl ProcessPool {
    pub(crate) fn new(_options: &Options) -> Self {
        Self {}
    }

    pub(crate) async fn run(
        &self,
        task: ActivityTask,
        _cancellation: &Cancellation,
        _record: impl Fn(Vec<Payload>),
    ) -> Outcome {
        failed("NotSupported", format!("activity `{}` needs a child process", task.info.activity_type))
    }
}

/// Takes over if this process was started as a child of a pool, and then does not return.
///
/// The first thing that `main` of a program with process activities calls, before it starts a runtime.
pub fn child_main(_registry: &Registry) {}
