//! Callbacks: what a handler started completes the operation of its caller, in the transition that closes it.
//!
//! The URL of a callback names the service itself, and its headers the operation; no request is made. A callback with
//! another URL is refused when a workflow starts with it. Handlers at URLs get another one, where they send how an operation
//! ended.

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::{Callback, Link, Payload, WorkflowExecution, callback},
        failure::v1::{
            CanceledFailureInfo, Failure, TerminatedFailureInfo, TimeoutFailureInfo, failure::FailureInfo,
        },
        history::v1::HistoryEvent,
    },
};

use crate::{
    error::Error,
    execution::{
        executions::Executions,
        loading::{Needs, NotReady},
        nexus::{
            answer,
            callback_token::{OPERATION_TOKEN_HEADER, Target, URL, target, value},
            link,
        },
        record::RunNumber,
        run::Run,
        run_transition::RunTransition,
        transition::Transition,
    },
    limits,
    time::Time,
};

/// Checks the callbacks of a start.
///
/// # Errors
///
/// Says which part cannot be used.
pub(crate) fn check(callbacks: &[Callback]) -> Result<(), Error> {
    if callbacks.len() > limits::CALLBACKS {
        return Err(Error::invalid(format!(
            "cannot attach more than {} callbacks to a workflow",
            limits::CALLBACKS
        )));
    }
    for callback in callbacks {
        let Some(callback::Variant::Nexus(nexus)) = &callback.variant else {
            return Err(Error::Unimplemented("unknown callback variant".to_owned()));
        };
        if nexus.url != URL {
            let wrong = match nexus.url.split_once("://") {
                Some(("http" | "https", _)) => "url does not match any configured callback address",
                _ => "unknown scheme",
            };
            return Err(Error::invalid(format!("invalid url: {wrong}: {}", nexus.url)));
        }
        let bytes: usize = nexus.header.iter().map(|(key, value)| key.len() + value.len()).sum();
        if bytes > limits::CALLBACK_HEADER_BYTES {
            return Err(Error::invalid(format!(
                "invalid header: header size longer than max allowed size of {}",
                limits::CALLBACK_HEADER_BYTES
            )));
        }
    }
    Ok(())
}

/// The links of a start that none of its callbacks has. `dedupLinksFromCallbacks` of Temporal's server.
pub(crate) fn own_links(mut links: Vec<Link>, callbacks: &[Callback]) -> Vec<Link> {
    links.retain(|link| !callbacks.iter().any(|callback| callback.links.contains(link)));
    links
}

/// Looks up the callers of a run that may close.
pub(crate) fn look_up(executions: &Executions, run: &Run) -> Result<(), Needs> {
    for callback in run.callbacks() {
        if let Some((_, target)) = target(callback) {
            find_caller(executions, &target).map_or_else(NotReady::only_needs, |_| Ok(()))?;
        }
    }
    Ok(())
}

/// The open run whose operation this is, or the one that took its place by resets.
fn find_caller(executions: &Executions, target: &Target<'_>) -> Result<RunNumber, NotReady> {
    let missing = || Error::NotFound("operation not found".to_owned());
    let mut number = target.run;
    let mut run_id = target.run_id.to_owned();
    for _ in 0..limits::RESETS_FOLLOWED {
        let run =
            executions.run(number)?.filter(|run| run.identity().run_id == run_id).ok_or_else(missing)?;
        if run.is_open() {
            let operation = run.nexus().get(target.scheduled_event_id);
            let is_it = operation.is_some_and(|it| it.scheduled.request_id == target.request_id);
            return if is_it { Ok(number) } else { Err(missing().into()) };
        }
        run.resets().replaced_by().clone_into(&mut run_id);
        if run_id.is_empty() {
            break;
        }
        let identity = run.identity();
        let next = WorkflowExecution { workflow_id: identity.workflow_id.clone(), run_id: run_id.clone() };
        number = executions.find(&identity.namespace, Some(&next))?;
    }
    Err(missing().into())
}

/// How what a handler started ended, for its caller.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Completed(Option<Payload>),
    Failed(Box<Failure>),
    Canceled(Box<Failure>),
}

/// A run is closed, and no other follows it: its callers hear of it.
pub(crate) fn closed(transition: &mut Transition<'_>, number: RunNumber, closing: &HistoryEvent) {
    let run = transition.run(number);
    let callbacks: Vec<Callback> = run.callbacks().cloned().collect();
    if callbacks.is_empty() {
        return;
    }
    let Some(outcome) = outcome(closing) else { return };
    let (started, link) = (run.start().time(), link::of_started(run));
    for callback in &callbacks {
        let Some((nexus, target)) = target(callback) else { continue };
        // Otherwise the operation, or the caller, has closed before.
        let Ok(caller) = find_caller(transition.executions(), &target).map_err(NotReady::refusal) else {
            continue;
        };
        let token = value(nexus, OPERATION_TOKEN_HEADER).unwrap_or_default();
        let id = target.scheduled_event_id;
        let outcome = outcome.clone();
        let started = (Some(started), vec![link.clone()]);
        transition.change(caller, |run| deliver(run, id, token, started, outcome));
    }
}

/// The run and the operation that a handler at a URL reports the end of, by the headers of the callback.
///
/// # Errors
///
/// When there is no such operation any more, or its run must be loaded first.
pub(crate) fn find_operation(
    executions: &Executions,
    callback: &Callback,
) -> Result<(RunNumber, i64), NotReady> {
    let missing = || Error::NotFound("operation not found".to_owned());
    let (_, target) = target(callback).ok_or_else(missing)?;
    let number = find_caller(executions, &target)?;
    Ok((number, target.scheduled_event_id))
}

/// A handler reports how an operation ended, and what it started with which token.
pub(crate) fn deliver(
    run: &mut RunTransition<'_>,
    id: i64,
    token: &str,
    (started, links): (Option<Time>, Vec<Link>),
    outcome: Outcome,
) {
    // The handler has not answered yet that it started something.
    if !token.is_empty() && run.nexus().get(id).is_some_and(|operation| operation.token.is_none()) {
        answer::start(run, id, token, started, links);
    }
    match outcome {
        Outcome::Completed(result) => answer::complete(run, id, result, Vec::new()),
        Outcome::Failed(failure) => answer::end(run, id, *failure, false),
        Outcome::Canceled(failure) => answer::end(run, id, *failure, true),
    }
}

/// What a closing event says to callers. Reasons of a termination stay within the namespace.
fn outcome(closing: &HistoryEvent) -> Option<Outcome> {
    use EventAttributes as A;
    let failed = |message: &str, info| {
        Box::new(Failure { message: message.to_owned(), failure_info: Some(info), ..Failure::default() })
    };
    Some(match closing.attributes.as_ref()? {
        A::WorkflowExecutionCompletedEventAttributes(closed) => {
            let result = closed.result.as_ref().and_then(|result| result.payloads.first());
            Outcome::Completed(result.cloned())
        }
        A::WorkflowExecutionFailedEventAttributes(closed) => {
            Outcome::Failed(Box::new(closed.failure.clone().unwrap_or_default()))
        }
        A::WorkflowExecutionCanceledEventAttributes(closed) => Outcome::Canceled(failed(
            "operation canceled",
            FailureInfo::CanceledFailureInfo(CanceledFailureInfo {
                details: closed.details.clone(),
                ..CanceledFailureInfo::default()
            }),
        )),
        A::WorkflowExecutionTerminatedEventAttributes(_) => Outcome::Failed(failed(
            "operation terminated",
            FailureInfo::TerminatedFailureInfo(TerminatedFailureInfo::default()),
        )),
        A::WorkflowExecutionTimedOutEventAttributes(_) => Outcome::Failed(failed(
            "operation exceeded internal timeout",
            FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo::default()),
        )),
        _ => return None,
    })
}
