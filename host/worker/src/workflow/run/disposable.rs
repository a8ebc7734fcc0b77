//! Calls on a disposable copy of a guest: queries, and validators of updates.
//!
//! A copy, because whatever a guest does there would not be done again in a replay: a map that a query
//! makes changes the order of the next one. Few guests have no copy (those that hold handles of the
//! component model); such a one answers queries itself, and is given up after that.

use host_core::{Rejection, Update, UpdateValidation};
use host_sandbox::{Activation, Discard, Fault, GuestFault, HostFault, Instance, RunInit};
use host_wire::temporal::api::{
    common::v1::Payloads,
    enums::v1::QueryResultType,
    query::v1::{WorkflowQuery, WorkflowQueryResult},
};

use super::{
    failure::RunFailure,
    log::RunLog,
    payload_limit,
    stack::{self, Form, Trace},
};
use crate::{
    convert::{self, RunIdentity},
    modules::LoadedModule,
    workflow::query_result,
};

/// An answer to a query.
pub(crate) struct QueryAnswer {
    pub(crate) result: WorkflowQueryResult,
    /// The guest itself answered, not a copy, or may be damaged: it takes no jobs any more.
    pub(crate) tainted: bool,
}

/// What a validator said of an update.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateVerdict {
    /// Names the update in its task: `protocol_instance_id` of the message.
    pub protocol_instance_id: String,
    /// Why the update is rejected, if it is.
    pub verdict: Result<(), Rejection>,
}

/// How an update was validated.
#[derive(Debug)]
pub(crate) enum Validation {
    /// By a copy; the guest goes on.
    ByCopy(Result<(), Rejection>),
    /// By the guest itself, which takes no jobs any more.
    ByGuest(UpdateVerdict),
}

/// Answers a query.
///
/// # Errors
///
/// When there is no room for a copy.
pub(crate) fn query(
    guest: &mut Instance,
    query: WorkflowQuery,
    log: RunLog,
) -> Result<QueryAnswer, RunFailure> {
    let query_type = query.query_type.clone();
    let query = convert::query_to_guest(query);
    let (answer, tainted) = match guest.copy(Box::new(log)) {
        Ok(mut copy) => (copy.query(&query), false),
        Err(Fault::Host(HostFault::State(_))) => (guest.query(&query), true),
        Err(fault @ Fault::Host(HostFault::NoRoom(_))) => return Err(fault.into()),
        Err(fault) => (Err(fault), true),
    };
    let answer = answer.map_err(RunFailure::from).and_then(|answer| {
        let answer = convert::payload::list_to_wire(answer.into_iter().collect());
        payload_limit::check_answer(&query_type, answer.as_ref())?;
        Ok(answer)
    });
    let result = answer.map_or_else(failed, answered);
    Ok(QueryAnswer { result, tainted })
}

/// Answers a query for the stack of a run. Copies of its guest do.
///
/// # Errors
///
/// When there is no room for a copy.
pub(crate) fn stack(
    module: &LoadedModule,
    trace: Option<&Trace>,
    form: Form,
) -> Result<WorkflowQueryResult, RunFailure> {
    let Some(trace) = trace else {
        return Ok(query_result::failed(
            "the stack is not known while local activities run: ask again".to_owned(),
        ));
    };
    match trace.stacks(module.sandbox()) {
        Ok(stacks) => {
            let answer = Some(Payloads { payloads: vec![stack::answer(&stacks, form)] });
            payload_limit::check_answer(stack::PLAIN, answer.as_ref())?;
            Ok(answered(answer))
        }
        Err(fault @ Fault::Host(HostFault::NoRoom(_))) => Err(fault.into()),
        Err(fault) => Ok(failed(fault.into())),
    }
}

fn answered(answer: Option<Payloads>) -> WorkflowQueryResult {
    WorkflowQueryResult {
        result_type: QueryResultType::Answered.into(),
        answer,
        ..WorkflowQueryResult::default()
    }
}

fn failed(failure: RunFailure) -> WorkflowQueryResult {
    let message = failure.to_string();
    query_result::failed_with(message, failure.into_wire())
}

/// Asks a copy of a guest whether an update is acceptable; a refusal is the inner error. The copy first
/// takes the jobs that precede the update, and whatever it asks for then is dropped. A guest that has no copy does
/// so itself.
///
/// # Errors
///
/// When the host cannot do its part.
pub(crate) fn validate(
    guest: &mut Instance,
    identity: &RunIdentity,
    validation: UpdateValidation,
) -> Result<Validation, RunFailure> {
    let UpdateValidation { update, preceding } = validation;
    match copy_after(guest, identity, preceding.clone()) {
        Err(Fault::Host(HostFault::State(_))) => {
            let protocol_instance_id = update.protocol_instance_id.clone();
            let activated = preceding.map_or(Ok(()), |preceding| activate(guest, identity, preceding));
            let verdict = verdict(activated.and_then(|()| ask(guest, update)))?;
            Ok(Validation::ByGuest(UpdateVerdict { protocol_instance_id, verdict }))
        }
        copy => Ok(Validation::ByCopy(verdict(copy.and_then(|mut copy| ask(&mut copy, update)))?)),
    }
}

fn ask(guest: &mut Instance, update: Update) -> Result<(), Fault> {
    guest.validate_update(&convert::update_to_guest(update))
}

fn verdict(validated: Result<(), Fault>) -> Result<Result<(), Rejection>, RunFailure> {
    match validated {
        Ok(()) => Ok(Ok(())),
        Err(Fault::Guest(GuestFault::Failed(links))) => Ok(Err(Box::new(convert::failure::to_wire(links)?))),
        // A validator that panics, or does not end, does not accept.
        Err(fault @ (Fault::Guest(_) | Fault::Limit(_))) => {
            Ok(Err(Box::new(RunFailure::from(fault).into_wire())))
        }
        Err(fault @ Fault::Host(_)) => Err(fault.into()),
    }
}

fn copy_after(
    guest: &mut Instance,
    identity: &RunIdentity,
    preceding: Option<host_core::Activation>,
) -> Result<Instance, Fault> {
    let Some(preceding) = preceding else { return guest.copy(Box::new(Discard)) };
    let snapshot = guest.save()?;
    // The seed is part of the state.
    let mut copy = guest.module().instantiate(RunInit { random_seed: 0, sink: Box::new(Discard) })?;
    copy.restore(&snapshot)?;
    activate(&mut copy, identity, preceding)?;
    Ok(copy)
}

/// Gives a guest the jobs that precede an update, and drops its commands.
fn activate(
    guest: &mut Instance,
    identity: &RunIdentity,
    preceding: host_core::Activation,
) -> Result<(), Fault> {
    let (task, circumstances) = convert::activation_to_guest(preceding, identity);
    guest.activate(&task, Activation { replaying: false, ..circumstances }).map(drop)
}
