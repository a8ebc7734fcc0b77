//! Calls on a disposable copy of a guest: queries, and validators of updates.
//!
//! A copy, because whatever a guest does there would not be done again in a replay: a map that a query
//! makes changes the order of the next one. Few guests have no copy (those that hold handles of the
//! component model); such a one answers queries itself, and is given up after that.

use host_core::UpdateValidation;
use host_sandbox::{Activation, Discard, Fault, GuestFault, HostFault, Instance, RunInit};
use host_wire::temporal::api::{
    enums::v1::QueryResultType,
    failure::v1::Failure,
    query::v1::{WorkflowQuery, WorkflowQueryResult},
};

use super::{failure::RunFailure, log::RunLog, payload_limit};
use crate::{
    convert::{self, RunIdentity},
    workflow::query_result,
};

/// An answer to a query.
pub(crate) struct QueryAnswer {
    pub(crate) result: WorkflowQueryResult,
    /// The guest itself answered, not a copy: it takes no jobs any more.
    pub(crate) tainted: bool,
}

/// Answers a query.
pub(crate) fn query(guest: &mut Instance, query: WorkflowQuery, log: RunLog) -> QueryAnswer {
    let query_type = query.query_type.clone();
    let query = convert::query_to_guest(query);
    let (answer, tainted) = match guest.copy(Box::new(log)) {
        Ok(mut copy) => (copy.query(&query), false),
        Err(Fault::Host(HostFault::State(_))) => (guest.query(&query), true),
        Err(fault) => (Err(fault), false),
    };
    let answer = answer.map_err(RunFailure::from).and_then(|answer| {
        let answer = convert::payload::list_to_wire(answer.into_iter().collect());
        payload_limit::check_answer(&query_type, answer.as_ref())?;
        Ok(answer)
    });
    let result = match answer {
        Ok(answer) => WorkflowQueryResult {
            result_type: QueryResultType::Answered.into(),
            answer,
            ..WorkflowQueryResult::default()
        },
        Err(failure) => {
            let message = failure.to_string();
            WorkflowQueryResult { failure: Some(failure.into_wire()), ..query_result::failed(message) }
        }
    };
    QueryAnswer { result, tainted }
}

/// Asks a copy of a guest whether an update is acceptable; a refusal is the inner error. The copy first
/// takes the jobs that precede the update, and whatever it asks for then is dropped.
///
/// # Errors
///
/// When the host cannot do its part.
pub(crate) fn validate(
    guest: &mut Instance,
    identity: &RunIdentity,
    validation: UpdateValidation,
) -> Result<Result<(), Box<Failure>>, RunFailure> {
    let verdict = copy_after(guest, identity, validation.preceding).and_then(|mut copy| {
        let update = convert::update_to_guest(validation.update);
        copy.validate_update(&update)
    });
    match verdict {
        Ok(()) => Ok(Ok(())),
        Err(Fault::Guest(GuestFault::Failed(links))) => Ok(Err(Box::new(convert::failure::to_wire(links)?))),
        // A validator that panics, or does not end, does not accept.
        Err(fault @ (Fault::Guest(_) | Fault::Limit(_) | Fault::Host(HostFault::State(_)))) => {
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
    let (task, circumstances) = convert::activation_to_guest(preceding, identity);
    copy.activate(&task, Activation { replaying: false, ..circumstances })?;
    Ok(copy)
}
