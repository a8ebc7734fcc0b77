//! One RPC of a worker: with a time limit, and sent again while the service cannot be reached.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Request, Response, Status};

use crate::backoff::Backoff;

/// How long one attempt of an ordinary RPC may take.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a poll may take. The service answers an idle one after a minute.
pub(crate) const POLL_TIMEOUT: Duration = Duration::from_secs(70);

/// What the host waits beyond the time limit it sent along, so that the service answers first.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(1);

/// How a message begins that the service refuses because of its size, with code RESOURCE_EXHAUSTED.
const MESSAGE_TOO_LARGE: &str = "grpc: received message larger than max";

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
    let mut backoff = Backoff::default();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = left.clamp(Duration::from_secs(1), CALL_TIMEOUT);
        let status = match once(limit, message.clone(), &mut call).await {
            Ok(answer) => return Ok(answer),
            Err(status) => status,
        };
        let pause = backoff.next(is_overload(&status), rand::random());
        if !is_transient(&status) || Instant::now() + pause >= deadline {
            return Err(status);
        }
        sleep(pause).await;
    }
}

/// Whether the same request may succeed later.
pub(crate) fn is_transient(status: &Status) -> bool {
    match status.code() {
        Code::Aborted
        | Code::Cancelled
        | Code::DataLoss
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::Unavailable
        | Code::Unknown => true,
        Code::ResourceExhausted => !is_message_too_large(status),
        _ => false,
    }
}

/// Whether the service asks for less traffic.
pub(crate) fn is_overload(status: &Status) -> bool {
    status.code() == Code::ResourceExhausted
}

/// Whether the request was larger than the service takes.
pub(crate) fn is_message_too_large(status: &Status) -> bool {
    status.code() == Code::ResourceExhausted && status.message().starts_with(MESSAGE_TOO_LARGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_succeed_later() {
        let check = |status: Status, transient: bool| {
            assert_eq!(is_transient(&status), transient, "{status}");
        };
        check(Status::unavailable("connection refused"), true);
        check(Status::deadline_exceeded("no answer"), true);
        check(Status::resource_exhausted("namespace rate limit exceeded"), true);
        check(
            Status::resource_exhausted("grpc: received message larger than max (5000000 vs. 4194304)"),
            false,
        );
        check(Status::not_found("Workflow task not found."), false);
        check(Status::invalid_argument("UnhandledCommand"), false);
        check(Status::permission_denied("Request unauthorized."), false);
    }

    #[tokio::test(start_paused = true)]
    async fn retries_end_at_the_deadline() {
        let started = Instant::now();
        let mut calls = 0;
        let answer: Result<(), Status> = retried(started + Duration::from_secs(5), (), |_| {
            calls += 1;
            async { Err(Status::unavailable("connection refused")) }
        })
        .await;
        assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
        assert!(calls >= 4, "{calls}");
        assert!(started.elapsed() <= Duration::from_secs(5));
    }
}
