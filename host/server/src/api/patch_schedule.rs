//! PatchSchedule: triggers, backfills, pauses and unpauses.

use host_wire::temporal::api::workflowservice::v1::{PatchScheduleRequest, PatchScheduleResponse};
use tonic::Status;

use crate::{
    api::context::Context,
    execution::request::check_length,
    schedule::{apply, change::prepare, request::check_patch},
};

pub(crate) async fn handle(
    context: &Context,
    request: PatchScheduleRequest,
) -> Result<PatchScheduleResponse, Status> {
    check_length("RequestId", &request.request_id)?;
    check_patch(&request.patch.clone().unwrap_or_default())?;
    let change = context.change(
        request,
        |executions, r| {
            let names = (&*r.namespace, &*r.schedule_id, &*r.request_id);
            prepare(executions, names, None, r.patch.clone().unwrap_or_default(), context.now())
        },
        |transition, _, plan| {
            plan.into_iter().for_each(|plan| apply::apply(transition, plan));
            Ok(PatchScheduleResponse {})
        },
    );
    change.await
}
