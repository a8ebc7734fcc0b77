//! Schedules Nexus operations, answers their tasks, and says what became of them.

use std::time::Duration;

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::{command::Attributes, *},
        enums::v1::NexusHandlerErrorRetryBehavior as Retry,
        failure::v1::{Failure, failure::FailureInfo},
        nexus::v1::{
            Failure as NexusFailure, HandlerError, Response, StartOperationRequest, StartOperationResponse,
            UnsuccessfulOperationError, request, response, start_operation_response::Variant,
        },
        workflowservice::v1::*,
    },
};

use crate::client::{Client, NAMESPACE, json};

/// Of operations that no worker polls for.
pub(crate) const UNPOLLED: &str = "answers-unpolled";
/// Temporal's server stops to call an endpoint for a while after some failures in a row, so that there are two.
pub(crate) const FIRST: &str = "answers-first";
pub(crate) const SECOND: &str = "answers-second";

pub(crate) fn schedule() -> ScheduleNexusOperationCommandAttributes {
    ScheduleNexusOperationCommandAttributes {
        endpoint: UNPOLLED.to_owned(),
        service: "service".to_owned(),
        operation: "operation".to_owned(),
        input: Some(json("\"in\"")),
        ..Default::default()
    }
}

pub(crate) fn scheduled(change: impl FnOnce(&mut ScheduleNexusOperationCommandAttributes)) -> Attributes {
    let mut attributes = schedule();
    change(&mut attributes);
    Attributes::ScheduleNexusOperationCommandAttributes(Box::new(attributes))
}

pub(crate) fn cancel(scheduled_event_id: i64) -> Attributes {
    let attributes = RequestCancelNexusOperationCommandAttributes { scheduled_event_id };
    Attributes::RequestCancelNexusOperationCommandAttributes(Box::new(attributes))
}

/// What a handler answers.
pub(crate) enum Answer {
    Completed(Option<Response>),
    Failed(Option<HandlerError>),
}

pub(crate) fn started(variant: Variant) -> Answer {
    let variant = response::Variant::StartOperation(StartOperationResponse { variant: Some(variant) });
    Answer::Completed(Some(Response { variant: Some(variant) }))
}

pub(crate) fn failure(message: &str) -> NexusFailure {
    NexusFailure { message: message.to_owned(), ..NexusFailure::default() }
}

pub(crate) fn unsuccessful(state: &str, failure: Option<NexusFailure>) -> Answer {
    let operation_state = state.to_owned();
    started(Variant::OperationError(UnsuccessfulOperationError { operation_state, failure }))
}

pub(crate) fn error(of: &str, retry: Retry) -> Answer {
    Answer::Failed(Some(HandlerError {
        error_type: of.to_owned(),
        failure: Some(failure("no")),
        retry_behavior: retry.into(),
    }))
}

/// The next Nexus task.
pub(crate) async fn poll(client: &mut Client) -> PollNexusTaskQueueResponse {
    for _ in 0..5 {
        let mut request = tonic::Request::new(PollNexusTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: client.queue(),
            ..Default::default()
        });
        request.set_timeout(Duration::from_secs(10));
        let polled = client.service.poll_nexus_task_queue(request).await;
        if let Some(task) = polled.ok().map(tonic::Response::into_inner).filter(|it| it.request.is_some()) {
            return task;
        }
    }
    panic!("there is no Nexus task");
}

pub(crate) fn start_of(task: &PollNexusTaskQueueResponse) -> StartOperationRequest {
    match task.request.clone().unwrap().variant.unwrap() {
        request::Variant::StartOperation(start) => start,
        request::Variant::CancelOperation(_) => panic!("{task:?}"),
    }
}

pub(crate) async fn respond(
    client: &mut Client,
    task: &PollNexusTaskQueueResponse,
    answer: Answer,
) -> Result<(), tonic::Status> {
    let (namespace, task_token) = (NAMESPACE.to_owned(), task.task_token.clone());
    match answer {
        Answer::Completed(response) => {
            let request =
                RespondNexusTaskCompletedRequest { namespace, task_token, response, ..Default::default() };
            client.service.respond_nexus_task_completed(request).await.map(drop)
        }
        Answer::Failed(error) => {
            let request =
                RespondNexusTaskFailedRequest { namespace, task_token, error, ..Default::default() };
            client.service.respond_nexus_task_failed(request).await.map(drop)
        }
    }
}

/// What became of the operation of a run: its last event that is about it, or its attempt that failed.
pub(crate) async fn outcome(client: &mut Client, name: &str) -> String {
    use EventAttributes as A;
    for _ in 0..200 {
        for event in client.history(&client.id(name), "").await.into_iter().rev() {
            let links = event.links.len();
            match event.attributes.unwrap() {
                A::NexusOperationCompletedEventAttributes(it) => {
                    let result = it.result.unwrap_or_default();
                    return format!("completed with {:?} {:?}, {links} links", result.metadata, result.data);
                }
                A::NexusOperationStartedEventAttributes(it) => {
                    return format!(
                        "started as {:?} {:?}, {links} links",
                        it.operation_token, it.operation_id
                    );
                }
                A::NexusOperationFailedEventAttributes(it) => {
                    return format!("failed: {}", chain(it.failure));
                }
                A::NexusOperationCanceledEventAttributes(it) => {
                    return format!("canceled: {}", chain(it.failure));
                }
                A::NexusOperationTimedOutEventAttributes(it) => {
                    return format!("timed out: {}", chain(it.failure));
                }
                _ => {}
            }
        }
        if let Some(attempt) = attempt(client, name).await {
            return attempt;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{name} does not hear of it")
}

/// The attempt of an operation that failed.
pub(crate) async fn attempt(client: &mut Client, name: &str) -> Option<String> {
    let request = DescribeWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        execution: Some(client.execution(name)),
    };
    let described = client.service.describe_workflow_execution(request).await.unwrap().into_inner();
    let pending = described.pending_nexus_operations.into_iter().next()?;
    let state = pending.state();
    let failure = pending.last_attempt_failure?;
    Some(format!(
        "{state:?} after attempt {}, next {}: {}",
        pending.attempt,
        pending.next_attempt_schedule_time.is_some(),
        chain(Some(failure))
    ))
}

/// A failure with its causes.
pub(crate) fn chain(failure: Option<Failure>) -> String {
    let mut links = Vec::new();
    let mut next = failure;
    while let Some(failure) = next {
        let info = match failure.failure_info {
            Some(FailureInfo::NexusOperationExecutionFailureInfo(it)) => {
                format!("Operation({} {} {})", it.scheduled_event_id, it.operation, it.operation_token)
            }
            Some(FailureInfo::NexusHandlerFailureInfo(it)) => {
                format!("Handler({} {:?})", it.r#type, it.retry_behavior())
            }
            Some(FailureInfo::ApplicationFailureInfo(it)) => {
                let details =
                    it.details.map(|details| String::from_utf8_lossy(&details.payloads[0].data).into_owned());
                format!("Application({:?} {} {details:?})", it.r#type, it.non_retryable)
            }
            Some(FailureInfo::CanceledFailureInfo(_)) => "Canceled".to_owned(),
            Some(FailureInfo::TerminatedFailureInfo(_)) => "Terminated".to_owned(),
            Some(FailureInfo::TimeoutFailureInfo(it)) => format!("Timeout({:?})", it.timeout_type()),
            other => format!("{other:?}"),
        };
        links.push(format!("{:?} {info}", failure.message));
        next = failure.cause.map(|cause| *cause);
    }
    links.join(" <- ")
}

pub(crate) async fn schedule_one(
    client: &mut Client,
    name: &str,
    endpoint: &str,
) -> PollNexusTaskQueueResponse {
    client.start(name).await;
    let task = client.poll().await;
    client.complete(&task, vec![scheduled(|it| it.endpoint = endpoint.to_owned())]).await;
    poll(client).await
}
