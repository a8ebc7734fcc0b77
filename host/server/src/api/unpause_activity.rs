//! UnpauseActivity.

use host_wire::temporal::api::workflowservice::v1::{
    UnpauseActivityRequest, UnpauseActivityResponse, unpause_activity_request::Activity,
};
use tonic::Status;

use crate::{
    api::{activity_operation::operate, context::Context},
    execution::activity::operate::{Selection, Unpause, unpause},
    time::positive,
};

pub(crate) async fn handle(
    context: &Context,
    r: UnpauseActivityRequest,
) -> Result<UnpauseActivityResponse, Status> {
    let selection = r.activity.map(|activity| match activity {
        Activity::Id(id) => Selection::Id(id),
        Activity::Type(name) => Selection::Type(name),
        Activity::UnpauseAll(_) => Selection::All,
    });
    let asked = Unpause {
        resets_attempts: r.reset_attempts,
        resets_heartbeat: r.reset_heartbeat,
        jitter: positive(r.jitter).unwrap_or_default(),
    };
    operate(context, &r.namespace, r.execution.as_ref(), selection, |run, id| unpause(run, id, asked))
        .await?;
    Ok(UnpauseActivityResponse {})
}
