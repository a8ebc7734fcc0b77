//! What a batch operation does to one run: looked up before the transition, and done in it.

use host_wire::temporal::api::{
    common::v1::WorkflowExecution,
    workflowservice::v1::{
        ResetWorkflowExecutionRequest, StartBatchOperationRequest, start_batch_operation_request::Operation,
    },
};

use crate::{
    batch::{activities, reset_point, state::End},
    error::Error,
    execution::{
        cancel::request::{self as cancel, CancelRequest},
        child,
        close::terminate,
        executions::Executions,
        loading::NotReady,
        options::update::update,
        record::RunNumber,
        reset::request::{self as reset, Plan},
        signal::receive::{Signal, receive},
        transition::Transition,
    },
};

/// What the history of an open run says that is deleted, as with Temporal's server.
const DELETION: &str = "Delete workflow execution";
const DELETER: &str = "history-service";

/// What is to be done to a run.
#[derive(Debug)]
pub(super) enum Prepared {
    /// It is not there any more, or closed: Temporal's server counts it as done.
    Nothing,
    /// It cannot be done.
    Refused(Error),
    Change(RunNumber),
    Activities(RunNumber, Vec<i64>),
    Reset(Box<(ResetWorkflowExecutionRequest, Plan)>),
}

/// A run that is to be deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deletion {
    pub(super) run: RunNumber,
    /// Whether it is terminated first.
    is_open: bool,
}

/// Whether a refusal is for the moment only.
fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Exhausted { .. } | Error::Unavailable(_))
}

/// Looks up what an operation needs. `id` is a new id.
///
/// # Errors
///
/// When a run must be loaded first, or it is refused for the moment.
pub(super) fn prepare(
    executions: &Executions,
    request: &StartBatchOperationRequest,
    execution: &WorkflowExecution,
    id: &str,
) -> Result<Prepared, NotReady> {
    match look_up(executions, request, execution, id) {
        Err(NotReady::Refused(Error::NotFound(_) | Error::Completed)) => Ok(Prepared::Nothing),
        Err(NotReady::Refused(error)) if !is_passing(&error) => Ok(Prepared::Refused(error)),
        prepared => prepared,
    }
}

fn look_up(
    executions: &Executions,
    request: &StartBatchOperationRequest,
    execution: &WorkflowExecution,
    id: &str,
) -> Result<Prepared, NotReady> {
    let Some(operation) = &request.operation else { return Ok(Prepared::Nothing) };
    if let Operation::ResetOperation(asked) = operation {
        let base = executions.find(&request.namespace, Some(execution))?;
        let run = executions.get(base).ok_or_else(Error::completed)?;
        let request = reset_point::request(request, asked, execution, run, id)?;
        let plan = reset::prepare(executions, &request)?;
        return Ok(Prepared::Reset(Box::new((request, plan))));
    }
    let number = executions.find_open(&request.namespace, Some(execution), "")?;
    let run = executions.get(number).ok_or_else(Error::completed)?;
    if let Operation::TerminationOperation(_) = operation {
        child::close::look_up(executions, run, true)?;
    }
    match activities::selected(operation, run)? {
        Some(ids) => Ok(Prepared::Activities(number, ids)),
        None => Ok(Prepared::Change(number)),
    }
}

/// Does it.
///
/// # Errors
///
/// When it is refused for the moment. Nothing was changed then.
pub(super) fn apply(
    transition: &mut Transition<'_>,
    request: &StartBatchOperationRequest,
    prepared: Prepared,
) -> Result<End, Error> {
    let done = match prepared {
        Prepared::Nothing => Ok(()),
        Prepared::Refused(error) => Err(error),
        Prepared::Reset(reset) => {
            let (request, plan) = *reset;
            reset::reset(transition, request, plan).map(drop)
        }
        Prepared::Activities(number, ids) => transition.change(number, |run| {
            let operation = request.operation.as_ref();
            ids.into_iter().try_for_each(|id| activities::change(run, operation, id))
        }),
        Prepared::Change(number) => change(transition, request, number),
    };
    match done {
        Ok(()) => Ok(End::Completed),
        Err(error) if is_passing(&error) => Err(error),
        Err(error) => {
            tracing::debug!(job_id = request.job_id, %error, "a run is refused to a batch operation");
            Ok(End::Failed)
        }
    }
}

fn change(
    transition: &mut Transition<'_>,
    request: &StartBatchOperationRequest,
    number: RunNumber,
) -> Result<(), Error> {
    transition.change(number, |run| match &request.operation {
        Some(Operation::TerminationOperation(asked)) => {
            terminate::terminate(run, &request.reason, asked.details.clone(), &asked.identity);
            Ok(())
        }
        Some(Operation::CancellationOperation(asked)) => {
            let (reason, identity) = (request.reason.clone(), asked.identity.clone());
            cancel::request(run, CancelRequest { reason, identity, external: None });
            Ok(())
        }
        Some(Operation::SignalOperation(asked)) => {
            let signal = Signal {
                name: asked.signal.clone(),
                input: asked.input.clone(),
                header: asked.header.clone(),
                identity: asked.identity.clone(),
                ..Signal::default()
            };
            receive(run, signal)
        }
        Some(Operation::UpdateWorkflowOptionsOperation(asked)) => {
            let options = asked.workflow_execution_options.clone().unwrap_or_default();
            let mask = asked.update_mask.clone().unwrap_or_default();
            update(run, options, &mask, &asked.identity).map(drop)
        }
        _ => Ok(()),
    })
}

/// Looks up a run that is to be deleted, damaged ones too; none if it is gone.
///
/// # Errors
///
/// When a run must be loaded first.
pub(super) fn prepare_deletion(
    executions: &Executions,
    namespace: &str,
    execution: &WorkflowExecution,
) -> Result<Option<Deletion>, NotReady> {
    let run = match executions.find(namespace, Some(execution)) {
        Err(NotReady::Refused(Error::Damaged(damage))) => damage.run,
        Err(NotReady::Refused(_)) => return Ok(None),
        found => found?,
    };
    let open = executions.get(run).filter(|run| run.is_open());
    if let Some(open) = open {
        child::close::look_up(executions, open, true)?;
    }
    Ok(Some(Deletion { run, is_open: open.is_some() }))
}

/// Ends a run that is to be deleted, if it is open.
pub(super) fn terminate_for_deletion(transition: &mut Transition<'_>, deletion: Deletion) {
    if deletion.is_open {
        transition.change(deletion.run, |run| terminate::terminate(run, DELETION, None, DELETER));
    }
}
