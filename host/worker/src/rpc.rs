//! One RPC of a worker: with a time limit, and made again while that may help.

use std::{future::Future, time::Duration};

use host_service::{Backoff, CallFailure};
use tokio::time::{Instant, sleep, timeout};
use tonic::{Request, Response, Status};

/// How long one attempt of an ordinary RPC may take.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a poll may take. The service answers an idle one after a minute.
pub(crate) const POLL_TIMEOUT: Duration = Duration::from_secs(70);

/// What the host waits beyond the time limit it sent along, so that the service answers first.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(1);

/// Sends a request once. The service learns of the time limit.
pub(crate) async fn once<Q, A, F>(
    limit: Duration,
    message: Q,
    call: impl FnOnce(Request<Q>) -> F,
) -> Result<A, Status>
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    let mut request = Request::new(message);
    request.set_timeout(limit);
    match timeout(limit + TIMEOUT_MARGIN, call(request)).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("no answer from the service")),
    }
}

/// Sends a request until it is answered, or refused for a reason that does not pass, or `deadline`
/// has come. It may arrive more than once.
pub(crate) async fn retried<Q, A, F>(
    deadline: Instant,
    message: Q,
    mut call: impl FnMut(Request<Q>) -> F,
) -> Result<A, Status>
where
    Q: Clone,
    F: Future<Output = Result<Response<A>, Status>>,
{
    let mut backoff = Backoff::of_loop();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = left.clamp(Duration::from_secs(1), CALL_TIMEOUT);
        let status = match once(limit, message.clone(), &mut call).await {
            Ok(answer) => return Ok(answer),
            Err(status) => status,
        };
        let failure = CallFailure::of(&status);
        let pause = match failure {
            CallFailure::Transient | CallFailure::Overloaded | CallFailure::TimedOut => backoff.next(failure),
            CallFailure::TooLarge | CallFailure::Refused => return Err(status),
        };
        if Instant::now() + pause >= deadline {
            return Err(status);
        }
        sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    /// How often a call that always fails like this is made within 5 s.
    async fn calls(status: Status) -> u32 {
        let started = Instant::now();
        let mut calls = 0;
        let answer: Result<(), Status> = retried(started + Duration::from_secs(5), (), |_| {
            calls += 1;
            let status = status.clone();
            async { Err(status) }
        })
        .await;
        assert_eq!(answer.unwrap_err().code(), status.code());
        assert!(started.elapsed() <= Duration::from_secs(5));
        calls
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_until_the_deadline() {
        for code in [Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled] {
            assert!(calls(Status::new(code, "")).await >= 4, "{code:?}");
        }
        assert!(calls(Status::resource_exhausted("namespace rate limit exceeded")).await >= 2);
        assert_eq!(calls(Status::not_found("Workflow task not found.")).await, 1);
        let too_large = "grpc: received message larger than max (5000000 vs. 4194304)";
        assert_eq!(calls(Status::resource_exhausted(too_large)).await, 1);
    }
}
