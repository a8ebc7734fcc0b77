//! UpdateSchedule: replaces all of a schedule but its id.

use std::sync::Arc;

use host_wire::temporal::api::workflowservice::v1::{UpdateScheduleRequest, UpdateScheduleResponse};
use prost::Message as _;
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    execution::request::check_length,
    limits,
    schedule::{
        apply,
        change::prepare,
        request::{check, check_attributes},
        update::Update,
    },
};

pub(crate) async fn handle(
    context: &Context,
    request: UpdateScheduleRequest,
) -> Result<UpdateScheduleResponse, Status> {
    check_length("RequestId", &request.request_id)?;
    if request.memo.as_ref().map_or(0, prost::Message::encoded_len) > limits::MEMO_BYTES {
        return Err(Error::invalid("Memo size exceeds limit.").into());
    }
    if request.encoded_len() > limits::BLOB_BYTES {
        return Err(Error::invalid("Blob data size exceeds limit.").into());
    }
    let schedule = request.schedule.clone().unwrap_or_default();
    let update = Update {
        spec: Arc::new(check(&schedule, context.now())?),
        schedule,
        memo: request.memo.clone(),
        search_attributes: request.search_attributes.clone(),
    };
    let change = context.change(
        request,
        |executions, r| {
            let token = Some(&r.conflict_token).filter(|token| !token.is_empty());
            let attributes = &executions.search_attributes;
            check_attributes(attributes, &r.namespace, r.search_attributes.as_ref(), &update.schedule)?;
            let names = (&*r.namespace, &*r.schedule_id, &*r.request_id);
            prepare(executions, names, token, update.clone(), context.now())
        },
        |transition, _, plan| {
            plan.into_iter().for_each(|plan| apply::apply(transition, plan));
            Ok(UpdateScheduleResponse {})
        },
    );
    change.await
}
