//! Polls for Nexus tasks, calls their handlers, and answers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use guest_sdk_types::Payload;
use host_client::Client;
use host_service::{Backoff, CallFailure};
use host_wire::temporal::api::{
    nexus::v1::{Request as NexusRequest, request::Variant},
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{
        PollNexusTaskQueueRequest, PollNexusTaskQueueResponse, RespondNexusTaskCompletedRequest,
        RespondNexusTaskFailedRequest,
    },
};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};

use crate::{
    answer::Answer,
    context::{CancelOperationContext, StartOperationContext},
    error::{HandlerErrorType, NexusError},
    service::NexusServices,
};

/// Polls at once.
const POLLERS: usize = 2;
/// Calls of handlers at once.
const CALLS: usize = 100;
/// How long one poll waits.
const POLL_TIMEOUT: Duration = Duration::from_secs(70);
/// How long a handler may take where the request does not say; as long as Temporal's server waits.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer is sent again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A worker for the Nexus tasks of one task queue.
#[derive(Clone, Debug)]
pub struct NexusWorker {
    client: Client,
    task_queue: String,
    services: Arc<NexusServices>,
}

impl NexusWorker {
    /// A worker that calls the handlers of these services, each with this client.
    #[must_use]
    pub fn new(client: Client, task_queue: impl Into<String>, services: Arc<NexusServices>) -> Self {
        Self { client, task_queue: task_queue.into(), services }
    }

    /// Works until `shutdown` is cancelled; then calls under way have `grace` to end.
    pub async fn run(self, shutdown: CancellationToken, grace: Duration) {
        tracing::info!(task_queue = self.task_queue, "polling for Nexus tasks");
        let slots = Arc::new(Semaphore::new(CALLS));
        let mut pollers = JoinSet::new();
        for _ in 0..POLLERS {
            pollers.spawn(self.clone().poll(Arc::clone(&slots), shutdown.clone()));
        }
        while pollers.join_next().await.is_some() {}
        let all = u32::try_from(CALLS).unwrap_or(u32::MAX);
        if timeout(grace, slots.acquire_many(all)).await.is_err() {
            tracing::warn!(task_queue = self.task_queue, "calls of Nexus handlers did not end in time");
        }
    }

    async fn poll(self, slots: Arc<Semaphore>, shutdown: CancellationToken) {
        let mut backoff = Backoff::of_loop();
        while let Some(Ok(slot)) = shutdown.run_until_cancelled(Arc::clone(&slots).acquire_owned()).await {
            let mut request = Request::new(PollNexusTaskQueueRequest {
                namespace: self.client.namespace().to_owned(),
                task_queue: Some(TaskQueue { name: self.task_queue.clone(), ..TaskQueue::default() }),
                identity: self.client.identity().to_owned(),
                ..Default::default()
            });
            request.set_timeout(POLL_TIMEOUT);
            let polled = self.client.service().poll_nexus_task_queue(request);
            let Some(polled) = shutdown.run_until_cancelled(polled).await else { return };
            match polled {
                Ok(task) => {
                    backoff.reset();
                    let task = task.into_inner();
                    if !task.task_token.is_empty() {
                        let worker = self.clone();
                        tokio::spawn(async move {
                            worker.process(task).await;
                            drop(slot);
                        });
                    }
                }
                // How some services end an idle poll.
                Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) => {}
                Err(status) => {
                    tracing::warn!(task_queue = self.task_queue, %status, "failed to poll for Nexus tasks");
                    let pause = backoff.next(CallFailure::of(&status));
                    shutdown.run_until_cancelled(sleep(pause)).await;
                }
            }
        }
    }

    async fn process(&self, task: PollNexusTaskQueueResponse) {
        let request = task.request.unwrap_or_default();
        let limit = header(&request.header, "request-timeout").and_then(duration).unwrap_or(REQUEST_TIMEOUT);
        // A task of its own, so that a handler that panics is an answer.
        let worker = self.clone();
        let mut call = tokio::spawn(async move { worker.call(request).await });
        let answer = match timeout(limit, &mut call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                tracing::error!(task_queue = self.task_queue, "a Nexus handler panicked");
                let error = NexusError::handler(HandlerErrorType::Internal, "the handler panicked");
                Answer::of_cancel(Err(error))
            }
            Err(_) => {
                call.abort();
                tracing::warn!(task_queue = self.task_queue, "a Nexus handler did not answer in time");
                return;
            }
        };
        if let Err(status) = self.respond(task.task_token, answer).await {
            tracing::warn!(task_queue = self.task_queue, %status, "failed to answer a Nexus task");
        }
    }

    async fn call(&self, request: NexusRequest) -> Answer {
        let headers: BTreeMap<String, String> =
            request.header.into_iter().map(|(key, value)| (key.to_ascii_lowercase(), value)).collect();
        match request.variant {
            Some(Variant::StartOperation(mut start)) => {
                let input = start.payload.take().map_or_else(Payload::null, Into::into);
                let (service, operation) = (start.service.clone(), start.operation.clone());
                let context = StartOperationContext {
                    client: self.client.clone(),
                    task_queue: self.task_queue.clone(),
                    headers,
                    request: start,
                };
                let result = self.services.start(context, input).await;
                if let Err(error) = &result {
                    tracing::warn!(service, operation, ?error, "a Nexus handler failed");
                }
                Answer::of_start(result)
            }
            Some(Variant::CancelOperation(cancel)) => {
                let context = CancelOperationContext { client: self.client.clone(), headers };
                let token = if cancel.operation_token.is_empty() {
                    &cancel.operation_id
                } else {
                    &cancel.operation_token
                };
                let names = (&*cancel.service, &*cancel.operation);
                Answer::of_cancel(self.services.cancel(&context, names, token).await)
            }
            None => Answer::of_cancel(Err(NexusError::handler(
                HandlerErrorType::NotImplemented,
                "this host does not know the request",
            ))),
        }
    }

    async fn respond(&self, task_token: bytes::Bytes, answer: Answer) -> Result<(), Status> {
        let (namespace, identity) = (self.client.namespace().to_owned(), self.client.identity().to_owned());
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        let mut backoff = Backoff::of_call();
        let service = self.client.service();
        loop {
            let (namespace, identity, task_token) = (namespace.clone(), identity.clone(), task_token.clone());
            let sent = match &answer {
                Answer::Completed(response) => {
                    let response = Some(response.clone());
                    let message = RespondNexusTaskCompletedRequest {
                        namespace,
                        identity,
                        task_token,
                        response,
                        ..Default::default()
                    };
                    service.respond_nexus_task_completed(Request::new(message)).await.map(drop)
                }
                Answer::Failed(error) => {
                    let error = Some(error.clone());
                    let message = RespondNexusTaskFailedRequest {
                        namespace,
                        identity,
                        task_token,
                        error,
                        ..Default::default()
                    };
                    service.respond_nexus_task_failed(Request::new(message)).await.map(drop)
                }
            };
            let status = match sent {
                Ok(()) => return Ok(()),
                // The service does not wait any more.
                Err(status) if status.code() == Code::NotFound => return Ok(()),
                Err(status) => status,
            };
            let failure = CallFailure::of(&status);
            if matches!(failure, CallFailure::TooLarge | CallFailure::Refused) {
                return Err(status);
            }
            let pause = backoff.next(failure);
            if Instant::now() + pause >= deadline {
                return Err(status);
            }
            sleep(pause).await;
        }
    }
}

fn header<'a>(headers: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    headers.get(name).map(String::as_str)
}

/// A duration as the Nexus protocol and Temporal's server write it: one number with `ms`, `s` or `m`, or several.
fn duration(text: &str) -> Option<Duration> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let factor = match &after[..end] {
            "ns" => 1e-9,
            "µs" | "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return None,
        };
        total += number * factor;
        rest = &after[end..];
    }
    Duration::try_from_secs_f64(total).ok().filter(|duration| !duration.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_requests() {
        for (text, expected) in [
            ("9998ms", Some(9_998)),
            ("10s", Some(10_000)),
            ("9.5s", Some(9_500)),
            ("1m30s", Some(90_000)),
            ("1h0m0.5s", Some(3_600_500)),
            ("", None),
            ("s", None),
            ("10", None),
            ("-1s", None),
            ("5x", None),
        ] {
            assert_eq!(duration(text), expected.map(Duration::from_millis), "{text}");
        }
    }
}
