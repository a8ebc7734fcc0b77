//! ResetActivity.

use host_wire::temporal::api::workflowservice::v1::{
    ResetActivityRequest, ResetActivityResponse, reset_activity_request::Activity,
};
use tonic::Status;

use crate::{
    api::{activity_operation::operate, context::Context},
    execution::activity::operate::{Reset, Selection, reset},
    time::positive,
};

pub(crate) async fn handle(
    context: &Context,
    r: ResetActivityRequest,
) -> Result<ResetActivityResponse, Status> {
    let selection = r.activity.map(|activity| match activity {
        Activity::Id(id) => Selection::Id(id),
        Activity::Type(name) => Selection::Type(name),
        Activity::MatchAll(_) => Selection::All,
    });
    let asked = Reset {
        resets_heartbeat: r.reset_heartbeat,
        keeps_paused: r.keep_paused,
        restores_options: r.restore_original_options,
        jitter: positive(r.jitter).unwrap_or_default(),
    };
    operate(context, &r.namespace, r.execution.as_ref(), selection, |run, id| reset(run, id, asked)).await?;
    Ok(ResetActivityResponse {})
}
