//! UpdateWorkflowExecution: an update of a client comes to its run.

use host_wire::temporal::api::{
    enums::v1::UpdateWorkflowExecutionLifecycleStage as Stage, update::v1::Request,
    workflowservice::v1::UpdateWorkflowExecutionRequest,
};
use prost::Message as _;

use crate::{
    error::{Error, ExhaustedCause},
    execution::{
        executions::Executions,
        loading::NotReady,
        record::RunNumber,
        request::check_input,
        run::Run,
        run_transition::RunTransition,
        update::state::{PendingUpdate, Sending, UpdateNumber},
        workflow_task::speculative,
    },
    limits,
};

/// Failed attempts of the workflow task after which updates are refused.
const FAILED_ATTEMPTS: i32 = 3;

/// An update of a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Update {
    pub(crate) request: Request,
    /// The stage that the caller waits for.
    pub(crate) wait_stage: Stage,
}

impl Update {
    /// The update that a request asks for. One without an id gets a new one.
    ///
    /// # Errors
    ///
    /// When the request is not complete, or waits for a stage that calls do not wait for.
    pub(crate) fn of(
        request: &mut UpdateWorkflowExecutionRequest,
        new_id: impl FnOnce() -> String,
    ) -> Result<Self, Error> {
        let wait_stage = match request.wait_policy.unwrap_or_default().lifecycle_stage() {
            Stage::Unspecified => Stage::Completed,
            given => given,
        };
        let mut request = request.request.take().unwrap_or_default();
        let Some(meta) = &mut request.meta else {
            return Err(Error::invalid("Update meta is not set on request."));
        };
        if meta.update_id.is_empty() {
            meta.update_id = new_id();
        }
        let Some(input) = &request.input else {
            return Err(Error::invalid("Update input is not set on request."));
        };
        if input.name.is_empty() {
            return Err(Error::invalid("Update name is not set on request."));
        }
        check_input(input.args.as_ref(), input.header.as_ref())?;
        if wait_stage == Stage::Admitted {
            return Err(Error::PermissionDenied(
                "UpdateWorkflowExecution issued asynchronously and waiting on update admitted is not supported."
                    .to_owned(),
            ));
        }
        Ok(Self { request, wait_stage })
    }

    pub(crate) fn id(&self) -> &str {
        self.request.meta.as_ref().map_or("", |meta| &meta.update_id)
    }

    /// Bytes that it takes until a worker accepts or rejects it.
    pub(crate) fn bytes(&self) -> usize {
        self.request.encoded_len()
    }
}

/// Finds the run of an update, open or closed.
///
/// # Errors
///
/// When there is none, or it must be loaded first.
pub(crate) fn find(
    executions: &Executions,
    request: &UpdateWorkflowExecutionRequest,
) -> Result<RunNumber, NotReady> {
    let number = executions.find(&request.namespace, request.workflow_execution.as_ref())?;
    let first = &request.first_execution_run_id;
    let is_of_chain = |run: &Run| run.start().attributes().first_execution_run_id == *first;
    if !first.is_empty() && !executions.get(number).is_some_and(is_of_chain) {
        return Err(Error::NotFound("workflow execution not found".to_owned()).into());
    }
    Ok(number)
}

/// Admits an update under this number, and schedules a workflow task for it if none is open. Answers the number under
/// which it waits for a verdict, which is an older one if it was sent before; none if the history has it.
///
/// # Errors
///
/// When the run is closed and does not know the update, is closing, keeps failing, or has too many updates.
pub(crate) fn admit(
    run: &mut RunTransition<'_>,
    update: &Update,
    number: UpdateNumber,
) -> Result<Option<UpdateNumber>, Error> {
    let is_recorded = run.updates().recorded(update.id()).is_some();
    if !is_recorded || run.is_open() {
        check(run)?;
    }
    if is_recorded {
        return Ok(None);
    }
    if let Some(pending) = run.updates().pending_with(update.id()) {
        return Ok(Some(pending.number));
    }
    check_limits(run, update)?;
    let pending = PendingUpdate {
        number,
        update_id: update.id().to_owned(),
        request: update.request.clone(),
        bytes: update.bytes(),
        sending: Sending::Admitted,
    };
    run.in_memory(|run| run.updates_mut().pending_mut().push(pending));
    // A task that is scheduled takes the update along; after one that is started comes another.
    if run.workflow_tasks().task().is_none() {
        speculative::schedule(run);
    }
    Ok(Some(number))
}

fn check(run: &Run) -> Result<(), Error> {
    if !run.is_open() {
        return Err(Error::completed());
    }
    if run.workflow_tasks().task().is_some_and(|task| task.attempt >= FAILED_ATTEMPTS) {
        return Err(Error::WorkflowNotReady(
            "Unable to perform workflow execution update due to Workflow Task in failed state.".to_owned(),
        ));
    }
    if run.workflow_tasks().close_attempted() && run.workflow_tasks().started_task().is_some() {
        return Err(Error::closing());
    }
    Ok(())
}

fn check_limits(run: &Run, update: &Update) -> Result<(), Error> {
    let too_many = |message: String| Error::Exhausted { message, cause: ExhaustedCause::Updates };
    let updates = run.updates();
    if updates.in_flight() >= limits::UPDATES_IN_FLIGHT {
        let most = limits::UPDATES_IN_FLIGHT;
        return Err(too_many(format!(
            "limit on number of concurrent in-flight updates has been reached ({most})"
        )));
    }
    if updates.total() >= limits::UPDATES {
        return Err(too_many_in_all());
    }
    let bytes: usize = updates.pending().iter().map(|pending| pending.bytes).sum();
    if bytes + update.bytes() >= limits::UPDATE_BYTES_IN_FLIGHT {
        let most = limits::UPDATE_BYTES_IN_FLIGHT;
        return Err(too_many(format!(
            "limit on total payload size of in-flight updates has been reached ({most} bytes)"
        )));
    }
    Ok(())
}

/// A run that has [`limits::UPDATES`] updates gets another one.
pub(crate) fn too_many_in_all() -> Error {
    Error::FailedPrecondition(format!(
        "The limit on the total number of distinct updates in this workflow has been reached ({}). Make sure any \
         duplicate updates share an Update ID so the server can deduplicate them, and consider rejecting updates \
         that you aren't going to process. You can also Continue-as-New to avoid this; we recommend you check \
         Continue-as-New Suggested in your Workflow.",
        limits::UPDATES
    ))
}
