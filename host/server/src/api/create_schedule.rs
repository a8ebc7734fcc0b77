//! CreateSchedule.

use bytes::Bytes;
use host_wire::temporal::api::{
    schedule::v1::{Schedule as Message, SchedulePatch},
    workflowservice::v1::{CreateScheduleRequest, CreateScheduleResponse},
};
use prost::Message as _;
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    execution::{
        executions::Executions,
        loading::NotReady,
        request::{check_length, check_name},
    },
    limits,
    schedule::{
        apply,
        describe::token,
        record::ScheduleIdentity,
        request::{check, check_attributes, check_patch},
        state::Schedule,
        step::{self, Plan},
        update::definition,
    },
    time::Time,
};

/// What there is of a schedule that is to be created.
enum Prepared {
    /// The request created it before. This is its token.
    Exists(Bytes),
    New(Box<Plan>),
}

pub(crate) async fn handle(
    context: &Context,
    request: CreateScheduleRequest,
) -> Result<CreateScheduleResponse, Status> {
    check_name("ScheduleId", &request.schedule_id)?;
    if request.request_id.is_empty() {
        return Err(Error::invalid("RequestId is not set on request.").into());
    }
    check_length("RequestId", &request.request_id)?;
    if request.memo.as_ref().map_or(0, prost::Message::encoded_len) > limits::MEMO_BYTES {
        return Err(Error::invalid("Memo size exceeds limit.").into());
    }
    if request.encoded_len() > limits::BLOB_BYTES {
        return Err(Error::invalid("Blob data size exceeds limit.").into());
    }
    check_patch(&request.initial_patch.clone().unwrap_or_default())?;
    let change = context.change(
        request,
        |executions, request| prepare(executions, request, context.now()),
        |transition, _, prepared| {
            let conflict_token = match prepared {
                Prepared::Exists(token) => token,
                Prepared::New(mut plan) => {
                    plan.schedule.identity.uid = transition.new_id();
                    // What the first actions change is for the next description.
                    let token = crate::schedule::state::FIRST_CONFLICT_TOKEN.to_be_bytes().to_vec().into();
                    apply::apply(transition, *plan);
                    token
                }
            };
            Ok(CreateScheduleResponse { conflict_token })
        },
    );
    change.await
}

fn prepare(
    executions: &Executions,
    request: &CreateScheduleRequest,
    now: Time,
) -> Result<Prepared, NotReady> {
    executions.check_namespace(&request.namespace)?;
    if let Some((_, schedule)) = executions.schedules.find(&request.namespace, &request.schedule_id)? {
        if schedule.identity.request_id == request.request_id {
            return Ok(Prepared::Exists(token(schedule)));
        }
        return Err(exists(&schedule.identity).into());
    }
    check_attributes(
        &executions.search_attributes,
        &request.namespace,
        request.search_attributes.as_ref(),
        request.schedule.as_ref().unwrap_or(&Message::default()),
    )?;
    let schedule = new_schedule(request, now)?;
    let patch: SchedulePatch = request.initial_patch.clone().unwrap_or_default();
    Ok(Prepared::New(Box::new(step::plan(executions, &schedule, patch, now)?)))
}

fn new_schedule(request: &CreateScheduleRequest, now: Time) -> Result<Schedule, Error> {
    let message: Message = request.schedule.clone().unwrap_or_default();
    let spec = check(&message, now)?;
    let identity = ScheduleIdentity {
        namespace: request.namespace.clone(),
        schedule_id: request.schedule_id.clone(),
        request_id: request.request_id.clone(),
        // It gets one when it is there.
        uid: String::new(),
    };
    let definition = definition(&spec, &message, request.memo.clone(), request.search_attributes.clone());
    Ok(Schedule::new(identity, definition, spec, message.state.unwrap_or_default(), now))
}

/// As of a workflow, which a schedule is with Temporal's server: clients look for it.
fn exists(names: &ScheduleIdentity) -> Error {
    Error::AlreadyStarted {
        message: format!("schedule {:?} is already registered", names.schedule_id),
        request_id: names.request_id.clone(),
        run_id: names.uid.clone(),
        first_run_id: names.uid.clone(),
    }
}
