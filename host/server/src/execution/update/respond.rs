//! What workers say of updates: messages of RespondWorkflowTaskCompleted, and the commands that say where they belong
//! among the others.
//!
//! As commands, messages are all checked before the first is recorded.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::ProtocolMessageCommandAttributes,
        enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::{
            WorkflowExecutionUpdateAcceptedEventAttributes, WorkflowExecutionUpdateCompletedEventAttributes,
        },
        protocol::v1::Message,
        update::v1::{Acceptance, Outcome, Rejection, Request, Response, outcome},
    },
};
use prost::{Message as _, Name};
use prost_types::Any;

use crate::{
    execution::{
        bounds, failure,
        plan::{Plan, Refused, bad},
        run::Run,
        run_transition::RunTransition,
        update::{
            admit, end,
            plan::{Planned, Step, Steps},
            send::message_id,
            state::RecordedUpdate,
        },
    },
    limits,
};

const CAUSE: Cause = Cause::BadUpdateWorkflowExecutionMessage;
/// The package of the messages that exist.
const PROTOCOL: &str = "temporal.api.update.v1";

/// Bytes of an outcome around its payloads.
const OUTCOME_OVERHEAD_BYTES: usize = 64;

/// Checks a `ProtocolMessage` command together with its message.
pub(crate) fn check(plan: &mut Plan<'_>, a: &ProtocolMessageCommandAttributes) -> Result<(), Refused> {
    if a.message_id.is_empty() {
        return Err(bad(CAUSE, "MessageID is not set on ProtocolMessageCommand."));
    }
    let Some(index) = plan.updates.messages.iter().position(|message| message.id == a.message_id) else {
        let id = &a.message_id;
        return Err(bad(CAUSE, format!("ProtocolMessageCommand referenced absent message ID {id}")));
    };
    let message = plan.updates.messages.remove(index);
    let step = check_message(plan, message)?;
    plan.updates.steps.of_commands.push_back(step);
    Ok(())
}

/// Checks the messages that no command named: rejections, and those of workers that send no commands for the others.
pub(crate) fn check_remaining(mut plan: Plan<'_>) -> Result<Steps, Refused> {
    for message in std::mem::take(&mut plan.updates.messages) {
        let step = check_message(&mut plan, message)?;
        plan.updates.steps.remaining.push(step);
    }
    Ok(plan.updates.steps)
}

fn check_message(plan: &mut Plan<'_>, message: Message) -> Result<Step, Refused> {
    let update_id = message.protocol_instance_id;
    let body = message.body.ok_or_else(|| Refused::Invalid("nil message body".to_owned()))?;
    let name = body.type_url.rsplit('/').next().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(Refused::Invalid("no message name specified".to_owned()));
    }
    if name.rsplit_once('.').map(|(package, _)| package) != Some(PROTOCOL) {
        return Err(bad(CAUSE, format!("unsupported protocol type {name}")));
    }
    let state = state(plan, &update_id);
    if name == Acceptance::full_name() {
        check_acceptance(plan, update_id, state, decode(&body)?)
    } else if name == Rejection::full_name() {
        check_rejection(plan, update_id, state, decode(&body)?)
    } else if name == Response::full_name() {
        check_response(plan, update_id, state, decode(&body)?)
    } else {
        Err(bad(CAUSE, format!("Message type {name} not supported")))
    }
}

fn state(plan: &Plan<'_>, update_id: &str) -> Option<Planned> {
    let planned = plan.updates.states.get(update_id).copied();
    planned.or_else(|| match plan.run.updates().recorded(update_id) {
        Some(RecordedUpdate::Admitted { .. }) => Some(Planned::Pending),
        Some(RecordedUpdate::Accepted { .. }) => Some(Planned::Accepted),
        Some(RecordedUpdate::Completed { .. } | RecordedUpdate::Rejected) => Some(Planned::Completed),
        None => plan.run.updates().pending_with(update_id).map(|_| Planned::Pending),
    })
}

fn check_acceptance(
    plan: &mut Plan<'_>,
    update_id: String,
    state: Option<Planned>,
    mut acceptance: Acceptance,
) -> Result<Step, Refused> {
    let request = revive(plan, &update_id, state, acceptance.accepted_request.take())?;
    if plan.closes {
        return Ok(Step::Nothing);
    }
    expect_pending(&update_id, "Acceptance", state)?;
    if acceptance.accepted_request_sequencing_event_id == 0 {
        return Err(not_set("Acceptance", "accepted_request_sequencing_event_id"));
    }
    if acceptance.accepted_request_message_id.is_empty() {
        return Err(not_set("Acceptance", "accepted_request_message_id"));
    }
    plan.updates.states.insert(update_id.clone(), Planned::Accepted);
    let after_event_id = acceptance.accepted_request_sequencing_event_id;
    Ok(Step::Accept { update_id, after_event_id, request: request.map(Box::new) })
}

fn check_rejection(
    plan: &mut Plan<'_>,
    update_id: String,
    state: Option<Planned>,
    rejection: Rejection,
) -> Result<Step, Refused> {
    revive(plan, &update_id, state, rejection.rejected_request)?;
    expect_pending(&update_id, "Rejection", state)?;
    plan.updates.states.insert(update_id.clone(), Planned::Completed);
    let mut failure = Box::new(rejection.failure.unwrap_or_default());
    failure::cut_whole(&mut failure);
    Ok(Step::Reject { update_id, failure })
}

fn check_response(
    plan: &mut Plan<'_>,
    update_id: String,
    state: Option<Planned>,
    mut response: Response,
) -> Result<Step, Refused> {
    let Some(state) = state else { return Err(unknown(&update_id)) };
    if plan.closes {
        return Ok(Step::Nothing);
    }
    if state != Planned::Accepted {
        return Err(wrong_state(&update_id, "Response", state));
    }
    match &response.meta {
        None => return Err(not_set("Response", "meta")),
        Some(meta) if meta.update_id.is_empty() => return Err(not_set("Response", "meta.update_id")),
        Some(meta) if meta.update_id != update_id => {
            return Err(bad(CAUSE, format!("invalid *update.Response: meta.update_id != {update_id}")));
        }
        Some(meta) if meta.identity.len() > limits::ID_BYTES => {
            return Err(bad(CAUSE, "Identity length exceeds limit."));
        }
        Some(_) => {}
    }
    if let Some(Outcome { value: Some(outcome::Value::Failure(failure)) }) = &mut response.outcome {
        failure::cut_whole(failure);
    }
    let Some(outcome) = &response.outcome else { return Err(not_set("Response", "outcome")) };
    if outcome.encoded_len() > limits::BLOB_BYTES + OUTCOME_OVERHEAD_BYTES {
        return Err(bad(CAUSE, format!("Message type {} exceeds size limit.", Response::full_name())));
    }
    plan.updates.states.insert(update_id, Planned::Completed);
    Ok(Step::Complete(Box::new(response)))
}

/// The request of an update that the service has forgotten, and that the worker still has.
fn revive(
    plan: &mut Plan<'_>,
    update_id: &str,
    state: Option<Planned>,
    request: Option<Request>,
) -> Result<Option<Request>, Refused> {
    if state.is_some() {
        return Ok(None);
    }
    let mut request = request.ok_or_else(|| unknown(update_id))?;
    if plan.run.updates().total() + plan.updates.revived >= limits::UPDATES {
        return Err(bad(CAUSE, admit::too_many_in_all().to_string()));
    }
    plan.updates.revived += 1;
    bounds::check_request(&mut request).map_err(|message| bad(CAUSE, message))?;
    Ok(Some(request))
}

/// Only an update that waits for its verdict gets one; one that was forgotten waits as well.
fn expect_pending(update_id: &str, message: &str, state: Option<Planned>) -> Result<(), Refused> {
    match state {
        None | Some(Planned::Pending) => Ok(()),
        Some(state) => Err(wrong_state(update_id, message, state)),
    }
}

fn decode<M: Name + Default>(body: &Any) -> Result<M, Refused> {
    body.to_msg().map_err(|error| bad(CAUSE, format!("unable to unmarshal request: {error}")))
}

fn unknown(update_id: &str) -> Refused {
    let message = format!(
        "update {update_id} wasn't found on the server. This is most likely a transient error which will be \
         resolved automatically by retries"
    );
    bad(CAUSE, message)
}

fn wrong_state(update_id: &str, message: &str, state: Planned) -> Refused {
    let message = format!(
        "invalid state transition attempted for Update {update_id}: received *update.{message} message while in \
         state {state:?}"
    );
    bad(CAUSE, message)
}

fn not_set(message: &str, field: &str) -> Refused {
    bad(CAUSE, format!("invalid *update.{message}: {field} is not set"))
}

/// Records what a checked message does.
pub(crate) fn record(run: &mut RunTransition<'_>, step: Step) {
    match step {
        Step::Accept { update_id, after_event_id, request } => {
            let pending = run.take_update(&update_id, None).map(|pending| pending.request);
            let message_id = message_id(&update_id);
            run.record(EventAttributes::WorkflowExecutionUpdateAcceptedEventAttributes(Box::new(
                WorkflowExecutionUpdateAcceptedEventAttributes {
                    protocol_instance_id: update_id,
                    accepted_request_message_id: message_id,
                    accepted_request_sequencing_event_id: after_event_id,
                    accepted_request: pending.or(request.map(|request| *request)),
                },
            )));
        }
        Step::Complete(response) => {
            let update_id = response.meta.as_ref().map_or("", |meta| &meta.update_id);
            let accepted_event_id = accepted_event_id(run, update_id);
            run.record(EventAttributes::WorkflowExecutionUpdateCompletedEventAttributes(Box::new(
                WorkflowExecutionUpdateCompletedEventAttributes {
                    meta: response.meta,
                    accepted_event_id,
                    outcome: response.outcome,
                },
            )));
        }
        Step::Reject { update_id, failure } => end::reject(run, update_id, failure),
        Step::Nothing => {}
    }
}

fn accepted_event_id(run: &Run, update_id: &str) -> i64 {
    match run.updates().recorded(update_id) {
        Some(RecordedUpdate::Accepted { event_id } | RecordedUpdate::Completed { event_id }) => event_id,
        Some(RecordedUpdate::Admitted { .. } | RecordedUpdate::Rejected) | None => 0,
    }
}
