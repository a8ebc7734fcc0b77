//! RespondActivityTaskFailed.

use host_wire::temporal::api::{
    failure::v1::{Failure, failure::FailureInfo},
    workflowservice::v1::{RespondActivityTaskFailedRequest, RespondActivityTaskFailedResponse},
};
use tonic::Status;

use crate::{
    api::{activity_attempt, context::Context},
    error::Error,
    execution::{
        activity::{attempt::AttemptEnd, respond::Attempt},
        token::TaskToken,
        worker::Worker,
    },
};

pub(crate) async fn handle(
    context: &Context,
    r: RespondActivityTaskFailedRequest,
) -> Result<RespondActivityTaskFailedResponse, Status> {
    let attempt = Attempt::Token(TaskToken::parse(&r.task_token)?);
    let of_application =
        |failure: &Failure| matches!(failure.failure_info, Some(FailureInfo::ApplicationFailureInfo(_)));
    if !r.failure.as_ref().is_none_or(of_application) {
        return Err(Error::invalid("Failure must have ApplicationFailureInfo.").into());
    }
    let end = AttemptEnd::Failed {
        failure: Box::new(r.failure.unwrap_or_default()),
        heartbeat_details: r.last_heartbeat_details,
    };
    let worker = Worker { identity: r.identity, version: r.worker_version, ..Worker::default() };
    activity_attempt::end(context, &r.namespace, attempt, end, worker).await?;
    Ok(RespondActivityTaskFailedResponse { failures: Vec::new() })
}
