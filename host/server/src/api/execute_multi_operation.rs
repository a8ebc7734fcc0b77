//! ExecuteMultiOperation: update with start.

use host_service::status_with_detail;
use host_wire::{
    google::rpc,
    temporal::api::{
        errordetails::v1::{
            MultiOperationExecutionFailure, multi_operation_execution_failure::OperationStatus,
        },
        failure::v1::MultiOperationExecutionAborted,
        update::v1::UpdateRef,
        workflowservice::v1::{
            ExecuteMultiOperationRequest, ExecuteMultiOperationResponse, StartWorkflowExecutionRequest,
            StartWorkflowExecutionResponse, UpdateWorkflowExecutionRequest, UpdateWorkflowExecutionResponse,
            execute_multi_operation_request::operation::Operation,
            execute_multi_operation_response::{Response as OfOperation, response::Response as Answer},
        },
    },
};
use prost::Message as _;
use tonic::{Code, Request, Status};

use crate::{
    api::{
        context::Context, deadline::Deadline, update_stage::AwaitedUpdate, update_workflow_execution::Room,
    },
    error::Error,
    execution::{
        start::request::check as check_start,
        update::{
            admit::Update,
            with_start::{RefusedOperation, UpdatedRun, apply, prepare},
        },
    },
    time::positive,
};

/// How often both operations are tried when the run that got the update closed before a worker decided it.
const TRIES: usize = 2;

pub(crate) async fn handle(
    context: &Context,
    request: Request<ExecuteMultiOperationRequest>,
) -> Result<ExecuteMultiOperationResponse, Status> {
    let deadline = Deadline::of(&request);
    let request = request.into_inner();
    context.lock().executions.check_namespace(&request.namespace)?;
    let (start, update) = operations(request)?;
    let update = check(context, &start, update)?;
    for _ in 1..TRIES {
        match execute(context, &start, &update, deadline).await {
            Err(Failed::UpdateAborted(_)) => {}
            ended => return ended.map_err(Failed::into_status),
        }
    }
    execute(context, &start, &update, deadline).await.map_err(Failed::into_status)
}

/// The start and the update of a request.
fn operations(
    request: ExecuteMultiOperationRequest,
) -> Result<(StartWorkflowExecutionRequest, UpdateWorkflowExecutionRequest), Error> {
    let namespace = request.namespace;
    let operations: Vec<_> = request.operations.into_iter().map(|it| it.operation).collect();
    match <[_; 2]>::try_from(operations) {
        Ok([Some(Operation::StartWorkflow(start)), Some(Operation::UpdateWorkflow(update))]) => {
            Ok((StartWorkflowExecutionRequest { namespace, ..start }, update))
        }
        _ => Err(Error::invalid("Operations have to be exactly [Start, Update].")),
    }
}

/// Checks both operations.
fn check(
    context: &Context,
    start: &StartWorkflowExecutionRequest,
    mut update: UpdateWorkflowExecutionRequest,
) -> Result<Update, Status> {
    let execution = update.workflow_execution.clone().unwrap_or_default();
    let started = check_start(start).and_then(|()| {
        if !start.cron_schedule.is_empty() {
            Err(Error::invalid("CronSchedule is not allowed."))
        } else if start.request_eager_execution {
            Err(Error::invalid("RequestEagerExecution is not supported."))
        } else if positive(start.workflow_start_delay).is_some() {
            Err(Error::invalid("WorkflowStartDelay is not supported."))
        } else {
            Ok(())
        }
    });
    let updated = Update::of(&mut update, || context.new_id()).and_then(|parsed| {
        if execution.workflow_id.is_empty() {
            Err(Error::invalid("WorkflowId is not set on request."))
        } else if !update.first_execution_run_id.is_empty() {
            Err(Error::invalid("FirstExecutionRunId is not allowed."))
        } else if !execution.run_id.is_empty() {
            Err(Error::invalid("RunId is not allowed."))
        } else if started.is_ok() && execution.workflow_id != start.workflow_id {
            Err(Error::invalid("WorkflowId is not consistent with previous operation(s)."))
        } else {
            Ok(parsed)
        }
    });
    match (started, updated) {
        (Ok(()), Ok(update)) => Ok(update),
        (started, updated) => {
            let status = |error: Option<Error>| error.map_or_else(aborted, Status::from);
            Err(failed(&[Some(status(started.err())), Some(status(updated.err()))]))
        }
    }
}

/// How the two operations fail.
enum Failed {
    /// The run that got the update closed before a worker decided it, and was not started by this call.
    UpdateAborted(Status),
    Operations(Status),
}

impl Failed {
    fn into_status(self) -> Status {
        match self {
            // The caller may try again, and then starts a run.
            Self::UpdateAborted(status) => {
                failed(&[Some(aborted()), Some(Status::aborted(status.message()))])
            }
            Self::Operations(status) => status,
        }
    }
}

async fn execute(
    context: &Context,
    start: &StartWorkflowExecutionRequest,
    update: &Update,
    deadline: Deadline,
) -> Result<ExecuteMultiOperationResponse, Failed> {
    let (awaited, started) = admit(context, start, update).await.map_err(Failed::Operations)?;
    let was_started = started.started;
    let reached = match awaited.reach(update.wait_stage, deadline).await {
        Ok(reached) => reached,
        Err(status) if was_started => return Err(Failed::Operations(failed(&[None, Some(status)]))),
        Err(status) if status.code() == Code::NotFound => return Err(Failed::UpdateAborted(status)),
        Err(status) => return Err(Failed::Operations(failed(&[Some(aborted()), Some(status)]))),
    };
    let updated = UpdateWorkflowExecutionResponse {
        update_ref: Some(awaited.reference().clone()),
        outcome: reached.outcome,
        stage: reached.stage.into(),
        ..Default::default()
    };
    let responses = [Answer::StartWorkflow(started), Answer::UpdateWorkflow(updated)];
    let responses = responses.map(|response| OfOperation { response: Some(response) }).into();
    Ok(ExecuteMultiOperationResponse { responses })
}

/// Starts the workflow, if it is to be started, and admits the update; both are on disk then.
async fn admit<'a>(
    context: &'a Context,
    start: &StartWorkflowExecutionRequest,
    update: &Update,
) -> Result<(AwaitedUpdate<'a>, StartWorkflowExecutionResponse), Status> {
    context.check_room()?;
    let room = Room::reserve(context, update)?;
    let mut number = None;
    let (updated, position) = context
        .transition(
            start.clone(),
            |executions, start| prepare(executions, start, update.id()),
            |transition, start, plan| {
                let updated = apply(transition, start, update, room.number, plan);
                Ok(updated.map(|updated| {
                    let run = transition.run(updated.run);
                    let response = StartWorkflowExecutionResponse {
                        run_id: run.identity().run_id.clone(),
                        first_execution_run_id: run.start().attributes().first_execution_run_id.clone(),
                        started: updated.was_started,
                        status: run.status().into(),
                        ..Default::default()
                    };
                    let reference = UpdateRef {
                        workflow_execution: Some(run.execution()),
                        update_id: update.id().to_owned(),
                    };
                    (updated, response, reference)
                }))
            },
            |shard, updated| {
                if let Ok(Ok((UpdatedRun { number: Some(admitted), .. }, ..))) = updated {
                    shard.updates.enter(*admitted);
                    number = Some(*admitted);
                }
            },
        )
        .await?;
    let guard = |run, reference| AwaitedUpdate::new(context, run, reference, number);
    let admitted = match updated? {
        Ok((updated, response, reference)) => Ok((guard(updated.run, reference), response)),
        Err(RefusedOperation::Start(error)) => Err(failed(&[Some(error.into()), Some(aborted())])),
        Err(RefusedOperation::Update(error)) => Err(failed(&[Some(aborted()), Some(error.into())])),
    };
    room.keep_if(number);
    context.on_disk(position).await?;
    admitted
}

/// The status of an operation that was not done because of the other.
fn aborted() -> Status {
    status_with_detail(Code::Aborted, "Operation was aborted.", &MultiOperationExecutionAborted::default())
}

/// The status of the call: the code of the first operation that failed by itself, and the statuses of both.
fn failed(operations: &[Option<Status>; 2]) -> Status {
    let aborted = aborted();
    let code = operations.iter().flatten().find(|it| it.message() != aborted.message());
    let code = code.map_or(Code::Aborted, Status::code);
    let statuses = operations.iter().map(|status| match status {
        Some(status) => OperationStatus {
            code: status.code() as i32,
            message: status.message().to_owned(),
            details: rpc::Status::decode(status.details()).unwrap_or_default().details,
        },
        None => OperationStatus::default(),
    });
    let failure = MultiOperationExecutionFailure { statuses: statuses.collect() };
    status_with_detail(code, "Update-with-Start could not be executed.", &failure)
}
