//! PauseActivity.

use host_wire::temporal::api::workflowservice::v1::{
    PauseActivityRequest, PauseActivityResponse, pause_activity_request::Activity,
};
use tonic::Status;

use crate::{
    api::{activity_operation::operate, context::Context},
    execution::activity::operate::{Selection, pause},
};

pub(crate) async fn handle(
    context: &Context,
    r: PauseActivityRequest,
) -> Result<PauseActivityResponse, Status> {
    let selection = r.activity.map(|activity| match activity {
        Activity::Id(id) => Selection::Id(id),
        Activity::Type(name) => Selection::Type(name),
    });
    operate(context, &r.namespace, r.execution.as_ref(), selection, |run, id| {
        pause(run, id, &r.identity, &r.reason)
    })
    .await?;
    Ok(PauseActivityResponse {})
}
