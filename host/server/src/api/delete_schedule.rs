//! DeleteSchedule. Workflows that it started go on.

use host_wire::temporal::api::workflowservice::v1::{DeleteScheduleRequest, DeleteScheduleResponse};
use tonic::Status;

use crate::{api::context::Context, error::Error, schedule::record::ScheduleIdentity};

/// Deletes a schedule, also a damaged one.
pub(crate) async fn handle(
    context: &Context,
    request: DeleteScheduleRequest,
) -> Result<DeleteScheduleResponse, Status> {
    let change = context.change(
        request,
        |executions, r| {
            executions.check_namespace(&r.namespace)?;
            let found = executions.schedules.number_of(&r.namespace, &r.schedule_id);
            Ok(found.map(|_| ()).ok_or_else(Error::no_schedule)?)
        },
        |transition, r, ()| {
            let (namespace, schedule_id) = (r.namespace, r.schedule_id);
            transition.delete_schedule(&ScheduleIdentity {
                namespace,
                schedule_id,
                ..ScheduleIdentity::default()
            });
            Ok(DeleteScheduleResponse {})
        },
    );
    change.await
}
