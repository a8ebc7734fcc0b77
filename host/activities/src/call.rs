//! Calls the function of an activity, and turns its result or panic into an outcome.

use std::panic::{AssertUnwindSafe, catch_unwind};

use guest_sdk_types::Payload;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use crate::context::ActivityContext;
use crate::failure_type;
use crate::outcome::{Outcome, failed, no_thread, panicked, returned};
use crate::registry::{AsyncFunction, AsyncResult, BlockingFunction};
use crate::slots::Place;
use crate::watch::Watch;

/// Calls an async function in a task of its own on `runtime`, so that a panic ends only that task. Dropping the
/// future aborts the task. A task that blocks its thread goes on nevertheless, and keeps `place` until it ends.
pub(crate) async fn call_async(
    runtime: &Handle,
    watch: &Watch,
    function: AsyncFunction,
    (context, arguments): (ActivityContext, Vec<Payload>),
    place: Option<Place>,
) -> Outcome {
    let info = context.info();
    let (activity, workflow_id) = (info.activity_type.clone(), info.workflow_id.clone());
    let body = Box::pin(async move {
        let _place = place;
        function(context, arguments).await
    });
    run_apart(runtime, watch, &activity, workflow_id.as_deref(), body).await
}

/// Runs the body of an async activity, or of interceptors, in a task of its own.
pub(crate) async fn run_apart(
    runtime: &Handle,
    watch: &Watch,
    activity: &str,
    workflow_id: Option<&str>,
    body: AsyncResult,
) -> Outcome {
    let body = match watch.watch(activity, workflow_id, body) {
        Ok(body) => body,
        Err(error) => return no_thread(activity, &error),
    };
    match AbortOnDropHandle::new(runtime.spawn(body)).await {
        Ok(result) => returned(activity, result),
        Err(error) => match error.try_into_panic() {
            Ok(payload) => panicked(activity, &*payload),
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
