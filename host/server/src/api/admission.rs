//! The way in and out of every call: requests are bounded before anything looks at them, statuses before they are
//! sent.

use host_wire::{Walk, temporal::api::workflowservice::v1::RespondWorkflowTaskCompletedRequest};
use tonic::{Request, Response, Status};

use crate::{error::Error, execution::bounds::check_request, status};

/// Bounds a request: its failures are cut, and it is refused when a string in it or the whole is too long.
///
/// # Errors
///
/// INVALID_ARGUMENT.
pub(crate) fn admit<M: Walk>(mut request: Request<M>) -> Result<Request<M>, Status> {
    check_request(request.get_mut()).map_err(refused)?;
    Ok(request)
}

/// As [`admit`], but for the commands: a bad one fails the workflow task, with its own cause.
///
/// # Errors
///
/// INVALID_ARGUMENT.
pub(crate) fn admit_completion(
    mut request: Request<RespondWorkflowTaskCompletedRequest>,
) -> Result<Request<RespondWorkflowTaskCompletedRequest>, Status> {
    let commands = std::mem::take(&mut request.get_mut().commands);
    check_request(request.get_mut()).map_err(refused)?;
    request.get_mut().commands = commands;
    Ok(request)
}

/// What a call answers. Texts of a refusal are cut to what fits into HTTP/2 headers.
///
/// # Errors
///
/// The refusal.
pub(crate) fn answer<R>(result: Result<R, Status>) -> Result<Response<R>, Status> {
    result.map(Response::new).map_err(status::fitting)
}

fn refused(message: String) -> Status {
    status::fitting(Error::invalid(message).into())
}
