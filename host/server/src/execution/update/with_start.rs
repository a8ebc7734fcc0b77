//! ExecuteMultiOperation: an update, and a start of its workflow if that is needed.

use host_wire::temporal::api::{
    enums::v1::WorkflowIdConflictPolicy as Conflict, workflowservice::v1::StartWorkflowExecutionRequest,
};

use crate::{
    error::Error,
    execution::{
        executions::Executions,
        loading::NotReady,
        record::RunNumber,
        run::Run,
        start::request::{Existing, check_search_attributes, existing, is_of_request, start},
        transition::Transition,
        update::{
            admit::{Update, admit},
            state::{RecordedUpdate, UpdateNumber},
        },
    },
};

/// What the latest run of the workflow id makes of the two operations.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plan {
    /// It gets the update, or has its outcome.
    Update(RunNumber),
    /// A run is started, and gets the update.
    Start(Existing),
    /// The start is refused.
    StartRefused(Error),
}

/// The run that gets the update.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UpdatedRun {
    pub(crate) run: RunNumber,
    pub(crate) was_started: bool,
    /// Under which number the update waits for a verdict; none if the history has it.
    pub(crate) number: Option<UpdateNumber>,
}

/// The refusal of one of the two operations. Nothing was done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RefusedOperation {
    Start(Error),
    Update(Error),
}

/// Looks up the runs that the operations change.
///
/// # Errors
///
/// When a run must be loaded first.
pub(crate) fn prepare(
    executions: &Executions,
    request: &StartWorkflowExecutionRequest,
    update_id: &str,
) -> Result<Plan, NotReady> {
    if let Err(error) = check_search_attributes(executions, request) {
        return Ok(Plan::StartRefused(error));
    }
    let latest = match executions.latest(&request.namespace, &request.workflow_id) {
        Err(NotReady::Needs(needed)) => return Err(NotReady::Needs(needed)),
        // Whether it stands in the way is for the start to say.
        Err(NotReady::Refused(_)) => None,
        Ok(latest) => latest,
    };
    let latest = latest.and_then(|number| Some((number, executions.get(number)?)));
    match latest {
        Some((number, run)) if takes_update(run, request, update_id) => Ok(Plan::Update(number)),
        _ => match existing(executions, request) {
            Ok(existing) => Ok(Plan::Start(existing)),
            Err(NotReady::Refused(error)) => Ok(Plan::StartRefused(error)),
            Err(needs) => Err(needs),
        },
    }
}

/// Whether the update is for this run and no other is started.
fn takes_update(run: &Run, request: &StartWorkflowExecutionRequest, update_id: &str) -> bool {
    let recorded = run.updates().recorded(update_id);
    let is_known = recorded.is_some() || run.updates().pending_with(update_id).is_some();
    let takes_it = is_known
        || is_of_request(run, &request.request_id)
        || request.workflow_id_conflict_policy() == Conflict::UseExisting;
    matches!(recorded, Some(RecordedUpdate::Completed { .. })) || run.is_open() && takes_it
}

/// Starts the workflow, if it is to be started, and admits the update under this number.
///
/// # Errors
///
/// Says which operation is refused.
pub(crate) fn apply(
    transition: &mut Transition<'_>,
    request: StartWorkflowExecutionRequest,
    update: &Update,
    number: UpdateNumber,
    plan: Plan,
) -> Result<UpdatedRun, RefusedOperation> {
    let (run, was_started) = match plan {
        Plan::StartRefused(error) => return Err(RefusedOperation::Start(error)),
        Plan::Start(Existing::Answers(_)) => {
            let message = "Workflow was not started: this request started it before, and it is closed";
            return Err(RefusedOperation::Start(Error::Unavailable(message.to_owned())));
        }
        Plan::Start(existing) => (start(transition, request, existing).run, true),
        Plan::Update(run) => (run, false),
    };
    let admitted = transition.change(run, |run| admit(run, update, number));
    let number = admitted.map_err(RefusedOperation::Update)?;
    Ok(UpdatedRun { run, was_started, number })
}
