//! A Temporal Service over the network, behind the trait that the embedded service implements.
//!
//! Adds what a network needs and a method call does not: deadlines, retries, headers, limits.

use std::{future::Future, time::Duration};

use host_wire::temporal::api::workflowservice::v1::*;
use tonic::{Code, Request, Response, Status, codec::CompressionEncoding};

use crate::{
    backoff::Backoff,
    call_failure::CallFailure,
    connect::{CONNECT_TIMEOUT, ConnectError, ConnectOptions, Transport, connect},
    limits::MAX_ANSWER_BYTES,
    workflow_service_client::WorkflowServiceClient,
    workflow_service_server::WorkflowService,
};

/// Deadline of a call that the service answers at once.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Deadline of a call that the service holds open, which it does for 60 seconds.
const LONG_POLL_TIMEOUT: Duration = Duration::from_secs(70);
/// Attempts of the first call whose connections end at once.
const FIRST_CALLS: u32 = 3;
/// Attempts of a call, and waits between them, that are given to it at most; what Temporal's clients
/// give.
const MAX_ATTEMPTS: u32 = 10;
const MAX_WAITS: Duration = Duration::from_secs(10);

/// A connected Temporal Service. Clones share the connection, which reconnects by itself.
#[derive(Clone, Debug)]
pub struct RemoteService {
    client: WorkflowServiceClient<Transport>,
}

impl RemoteService {
    /// Connects and calls `GetSystemInfo`, so that a wrong address, certificate or key shows here.
    ///
    /// # Errors
    ///
    /// When the options cannot be used, the address cannot be reached, or the call fails.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let url = options.url()?;
        let client = WorkflowServiceClient::new(connect(options, &url).await?)
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(MAX_ANSWER_BYTES);
        let mut tries = 0;
        loop {
            tries += 1;
            let question = with_deadline(Request::new(GetSystemInfoRequest {}), CONNECT_TIMEOUT);
            match client.clone().get_system_info(question).await {
                Ok(_) => return Ok(Self { client }),
                // It is there, and older than the call, or another product that does not have it.
                Err(status) if status.code() == Code::Unimplemented => return Ok(Self { client }),
                // The connection ended before the call was sent, and took the reason with it.
                Err(status) if status.code() == Code::Cancelled && tries < FIRST_CALLS => {}
                Err(status) => return Err(ConnectError::Refused { url, status: Box::new(status) }),
            }
        }
    }

    /// Makes a call, again if it failed in a way that may pass.
    async fn retried<M, R, F>(
        &self,
        request: Request<M>,
        timeout: Duration,
        call: impl Fn(WorkflowServiceClient<Transport>, Request<M>) -> F,
    ) -> Result<Response<R>, Status>
    where
        M: Clone,
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let (metadata, extensions, message) = request.into_parts();
        let mut retries = Retries::new();
        loop {
            let request = Request::from_parts(metadata.clone(), extensions.clone(), message.clone());
            match call(self.client.clone(), with_deadline(request, timeout)).await {
                Ok(response) => return Ok(response),
                Err(status) => match retries.after(&status) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Err(status),
                },
            }
        }
    }
}

/// The attempts of one call.
struct Retries {
    backoff: Backoff,
    attempts: u32,
    waited: Duration,
}

impl Retries {
    fn new() -> Self {
        Self { backoff: Backoff::of_call(), attempts: 0, waited: Duration::ZERO }
    }

    /// How long to wait before the call is made again; nothing when it is not.
    fn after(&mut self, status: &Status) -> Option<Duration> {
        let failure = CallFailure::of(status);
        self.attempts += 1;
        if self.attempts >= MAX_ATTEMPTS
            || !matches!(failure, CallFailure::Transient | CallFailure::Overloaded)
        {
            return None;
        }
        let wait = self.backoff.next(failure);
        self.waited += wait;
        (self.waited <= MAX_WAITS).then_some(wait)
    }
}

/// The request with a deadline, unless its maker set one.
pub(crate) fn with_deadline<M>(mut request: Request<M>, timeout: Duration) -> Request<M> {
    if !request.metadata().contains_key("grpc-timeout") {
        request.set_timeout(timeout);
    }
    request
}

/// Forwards the methods that workers and the command line call; the others answer `UNIMPLEMENTED`.
///
/// `calls` are answered at once and tried again; `waits` are held open by the service and tried
/// again; `polls` are held open and not tried again, because who polls does so in a loop anyway.
macro_rules! forward {
    (
        calls { $($call:ident($call_request:ident) -> $call_response:ident;)* }
        waits { $($wait:ident($wait_request:ident) -> $wait_response:ident;)* }
        polls { $($poll:ident($poll_request:ident) -> $poll_response:ident;)* }
    ) => {
        #[tonic::async_trait]
        impl WorkflowService for RemoteService {
            $(async fn $call(
                &self,
                request: Request<$call_request>,
            ) -> Result<Response<$call_response>, Status> {
                self.retried(request, CALL_TIMEOUT, |mut client, request| async move {
                    client.$call(request).await
                })
                .await
            })*

            $(async fn $wait(
                &self,
                request: Request<$wait_request>,
            ) -> Result<Response<$wait_response>, Status> {
                self.retried(request, LONG_POLL_TIMEOUT, |mut client, request| async move {
                    client.$wait(request).await
                })
                .await
            })*

            $(async fn $poll(
                &self,
                request: Request<$poll_request>,
            ) -> Result<Response<$poll_response>, Status> {
                self.client.clone().$poll(with_deadline(request, LONG_POLL_TIMEOUT)).await
            })*
        }
    };
}

crate::calls!(forward);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: &Status, expected_attempts: u32) {
        let mut retries = Retries::new();
        let mut attempts: u32 = 1;
        while retries.after(status).is_some() {
            attempts += 1;
        }
        assert!(
            attempts.abs_diff(expected_attempts) <= 1,
            "{status}: {attempts} attempts, expected about {expected_attempts}"
        );
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_not_for_long() {
        check(&Status::unavailable(""), 8);
        check(&Status::resource_exhausted("namespace rate limit exceeded"), 4);
        for status in [
            Status::resource_exhausted("grpc: received message larger than max (5 vs. 4)"),
            Status::not_found(""),
            Status::invalid_argument(""),
            Status::deadline_exceeded(""),
            Status::unauthenticated(""),
        ] {
            assert_eq!(Retries::new().after(&status), None, "{status}");
        }
    }
}
