//! The end of an attempt of an activity and its heartbeats, by token or by ids.

use host_wire::temporal::api::common::v1::Payloads;
use tonic::Status;

use crate::{
    api::context::Context,
    execution::{
        activity::{
            attempt::AttemptEnd,
            respond::{self, Attempt, Told},
        },
        worker::Worker,
    },
};

/// An attempt ended.
pub(crate) async fn end(
    context: &Context,
    namespace: &str,
    attempt: Attempt,
    end: AttemptEnd,
    worker: Worker,
) -> Result<(), Status> {
    let change = context.change(
        end,
        |executions, _| attempt.find(executions, namespace),
        |transition, end, (number, id)| transition.change(number, |run| respond::end(run, id, end, &worker)),
    );
    change.await
}

/// An attempt goes on; answers what its worker is to know.
pub(crate) async fn heartbeat(
    context: &Context,
    namespace: &str,
    attempt: Attempt,
    details: Option<Payloads>,
) -> Result<Told, Status> {
    let change = context.change(
        details,
        |executions, _| attempt.find(executions, namespace),
        |transition, details, (number, id)| {
            transition.change(number, |run| respond::heartbeat(run, id, details))
        },
    );
    change.await
}
