//! What calls are counted and measured as.

use std::future::Future;

use host_telemetry as telemetry;
use tokio::time::Instant;
use tonic::{Code, Status};

/// Temporal's server has several services, of which this one answers clients.
const SERVICE_NAME: &str = "frontend";

/// Answers a call, and measures it. Its name is that of the request without `Request`.
pub(super) async fn measured<R>(
    request: &'static str,
    answer: impl Future<Output = Result<R, Status>>,
) -> Result<R, Status> {
    if !telemetry::is_enabled() {
        return answer.await;
    }
    let operation = request.strip_suffix("Request").unwrap_or(request);
    let labels = [SERVICE_NAME, operation];
    telemetry::SERVICE_REQUESTS.count(labels);
    let began = Instant::now();
    let answered = answer.await;
    telemetry::SERVICE_LATENCY.took(labels, began.elapsed());
    if let Err(status) = &answered {
        let code = status.code();
        if is_our_fault(code) {
            telemetry::SERVICE_ERRORS.count(labels);
        }
        telemetry::SERVICE_ERRORS_WITH_TYPE.count([SERVICE_NAME, operation, &format!("{code:?}")]);
    }
    answered
}

/// Whether a call failed for a reason that is not the caller's.
fn is_our_fault(code: Code) -> bool {
    match code {
        Code::Unknown | Code::Internal | Code::Unavailable | Code::DataLoss | Code::ResourceExhausted => true,
        Code::Ok
        | Code::Cancelled
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => false,
    }
}
