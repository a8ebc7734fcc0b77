//! Calls the function of an activity, and turns its result or panic into an outcome.

use std::panic::{AssertUnwindSafe, catch_unwind};

use guest_sdk_types::Payload;
use tokio_util::task::AbortOnDropHandle;

use crate::context::ActivityContext;
use crate::failure_type;
use crate::outcome::{Outcome, failed, panicked, returned};
use crate::registry::{AsyncFunction, BlockingFunction};

/// Calls an async function in a tokio task of its own, so that a panic ends only that task. Dropping the
/// future aborts the task.
pub(crate) async fn call_async(
    function: AsyncFunction,
    context: ActivityContext,
    arguments: Vec<Payload>,
) -> Outcome {
    let activity = context.info().activity_type.clone();
    let running = AbortOnDropHandle::new(tokio::spawn(async move { function(context, arguments).await }));
    match running.await {
        Ok(result) => returned(&activity, result),
        Err(error) => match error.try_into_panic() {
            Ok(payload) => panicked(&activity, &*payload),
            Err(_) => failed(failure_type::WORKER_SHUTDOWN, format!("activity `{activity}` was aborted")),
        },
    }
}

/// Calls a blocking function on the current thread.
pub(crate) fn call_blocking(
    function: &BlockingFunction,
    context: ActivityContext,
    arguments: Vec<Payload>,
) -> Outcome {
    let activity = context.info().activity_type.clone();
    match catch_unwind(AssertUnwindSafe(|| function(context, arguments))) {
        Ok(result) => returned(&activity, result),
        Err(payload) => panicked(&activity, &*payload),
    }
}
