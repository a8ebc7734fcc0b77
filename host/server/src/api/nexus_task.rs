//! The answer of a worker to a Nexus task.

use bytes::Bytes;
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    execution::{
        nexus::answer::{self, Answer},
        token::TaskToken,
    },
};

/// Takes the answer of a worker.
///
/// # Errors
///
/// When it is none that can be, no operation waits for it, the disk is full, or the service ends.
pub(crate) async fn respond(
    context: &Context,
    namespace: &str,
    token: &Bytes,
    answer: Answer,
) -> Result<(), Status> {
    respond_to(context, Some(namespace), token, answer).await
}

/// Takes the answer of a worker of a namespace, or of a handler at a URL.
///
/// # Errors
///
/// As [`respond`].
pub(crate) async fn respond_to(
    context: &Context,
    namespace: Option<&str>,
    token: &Bytes,
    answer: Answer,
) -> Result<(), Status> {
    let change = context.change(
        answer,
        |executions, answer| {
            namespace.map_or(Ok(()), |namespace| executions.check_namespace(namespace))?;
            answer::check(answer)?;
            let token = TaskToken::parse(token)?;
            if token.nexus_call == 0 {
                return Err(Error::invalid("Invalid TaskToken.").into());
            }
            if let Some(namespace) = namespace {
                answer::check_namespace(executions, &token, namespace)?;
            }
            Ok((answer::find(executions, &token)?, token.scheduled_event_id))
        },
        |transition, answer, (number, id)| {
            transition.change(number, |run| answer::take(run, id, answer));
            Ok(())
        },
    );
    change.await
}
