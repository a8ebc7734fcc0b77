//! Calls of handlers as queues and workers have them.

use std::{collections::BTreeMap, time::Duration};

use host_wire::temporal::api::nexus::v1::{
    CancelOperationRequest, Request, StartOperationRequest, request::Variant,
};

use crate::{
    execution::{
        nexus::{
            callback_token,
            failure::CallError,
            link,
            state::{CallKind, Operation},
        },
        record::RunNumber,
        run::Run,
        task::Task,
    },
    limits,
    namespace::namespaces::Namespaces,
    nexus::endpoints::Endpoints,
    time::Time,
};

/// Namespace and queue of the calls of handlers at URLs. No worker can poll it: a namespace has a name.
pub(crate) const URLS: (&str, &str) = ("", "nexus-urls");

/// The call that an operation needs now; none if it needs none.
///
/// # Errors
///
/// When there are no workers to call.
pub(crate) fn of(
    endpoints: &Endpoints,
    namespaces: &Namespaces,
    number: RunNumber,
    run: &Run,
    scheduled_event_id: i64,
) -> Result<Option<Task>, CallError> {
    let Some(operation) = run.nexus().get(scheduled_event_id) else { return Ok(None) };
    let Some((kind, call)) = operation.current_call() else { return Ok(None) };
    let scheduled = &operation.scheduled;
    let endpoint = endpoints.find(&scheduled.endpoint_id, &scheduled.endpoint);
    let endpoint = endpoint.ok_or_else(|| CallError::not_found("endpoint not registered".to_owned()))?;
    let task = |namespace: &str, queue: &str| Task::Nexus {
        run: number,
        scheduled_event_id,
        kind,
        attempt: call.ended,
        namespace: namespace.to_owned(),
        queue: queue.to_owned(),
    };
    let Some(target) = endpoint.target() else {
        return if endpoints.calls_urls { Ok(Some(task(URLS.0, URLS.1))) } else { Err(CallError::outside()) };
    };
    if namespaces.find(target.namespace).is_err() {
        return Err(CallError::not_found(format!("namespace not found: {:?}", target.namespace)));
    }
    Ok(Some(task(target.namespace, target.task_queue)))
}

/// Whether an operation waits for this attempt of this call.
pub(crate) fn is_current(run: &Run, scheduled_event_id: i64, kind: CallKind, attempt: i32) -> bool {
    let operation = run.nexus().get(scheduled_event_id);
    let current = operation.and_then(Operation::current_call);
    current.is_some_and(|(current, call)| current == kind && call.ended == attempt)
}

/// The request that a handler gets, which is to report the end of the operation to `callback`.
pub(crate) fn request(
    number: RunNumber,
    run: &Run,
    scheduled_event_id: i64,
    callback: &str,
    now: Time,
) -> Option<Request> {
    let operation = run.nexus().get(scheduled_event_id)?;
    let (kind, call) = operation.current_call()?;
    let scheduled = &operation.scheduled;
    let variant = match kind {
        CallKind::Start => Variant::StartOperation(StartOperationRequest {
            service: scheduled.service.clone(),
            operation: scheduled.operation.clone(),
            request_id: scheduled.request_id.clone(),
            callback: callback.to_owned(),
            callback_header: if callback.is_empty() {
                BTreeMap::new()
            } else {
                callback_token::header(number, run, operation)
            },
            payload: Some(scheduled.input.clone().unwrap_or_else(link::null)),
            links: link::of_scheduled(run, scheduled_event_id).into_iter().collect(),
        }),
        CallKind::Cancel => {
            let token = operation.token.clone().unwrap_or_default();
            Variant::CancelOperation(CancelOperationRequest {
                service: scheduled.service.clone(),
                operation: scheduled.operation.clone(),
                operation_id: token.clone(),
                operation_token: token,
            })
        }
    };
    Some(Request {
        header: header(operation, kind, call.attempt_time, now),
        scheduled_time: Some(call.attempt_time.into()),
        endpoint: scheduled.endpoint.clone(),
        variant: Some(variant),
        ..Request::default()
    })
}

/// The headers of the command, and the time that is left, as Temporal's server gives it to workers.
fn header(operation: &Operation, kind: CallKind, since: Time, now: Time) -> BTreeMap<String, String> {
    let given = operation.scheduled.nexus_header.iter();
    let mut header: BTreeMap<_, _> =
        given.map(|(key, value)| (key.to_ascii_lowercase(), value.clone())).collect();
    let until_request = since.after(limits::NEXUS_REQUEST_TIMEOUT);
    let until = operation.expires().map_or(until_request, |expires| expires.min(until_request));
    let left = written(until.since(now));
    // The Java SDK reads the second one.
    header.insert("request-timeout".to_owned(), left.clone());
    header.insert("Request-Timeout".to_owned(), left);
    if let (CallKind::Start, Some(expires)) = (kind, operation.expires()) {
        header.entry("operation-timeout".to_owned()).or_insert_with(|| written(expires.since(now)));
    }
    header
}

/// A duration as the Nexus protocol writes it.
fn written(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}
