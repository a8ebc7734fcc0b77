//! Points to which a run may be reset: the first workflow task that each build completed.

use host_wire::temporal::api::{
    history::v1::WorkflowTaskCompletedEventAttributes,
    workflow::v1::{ResetPointInfo, ResetPoints},
};

use crate::{limits, time::Time};

/// The points of a run and of those that it continues, oldest first. `auto_reset_points` of the protocol.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Points(Vec<ResetPointInfo>);

impl Points {
    /// All of them; nothing if there are none.
    pub(crate) fn all(&self) -> Option<ResetPoints> {
        (!self.0.is_empty()).then(|| ResetPoints { points: self.0.clone() })
    }

    /// Takes over those of the run that this one continues.
    pub(in crate::execution) fn started(&mut self, before: Option<&ResetPoints>) {
        self.0 = before.map(|before| before.points.clone()).unwrap_or_default();
    }

    /// A worker completed a workflow task; its build makes a point unless there is one.
    pub(in crate::execution) fn completed(
        &mut self,
        run_id: &str,
        event_id: i64,
        time: Time,
        completed: &WorkflowTaskCompletedEventAttributes,
        resettable: bool,
    ) {
        let of_stamp = completed.worker_version.as_ref().map(|version| &version.build_id);
        let of_deployment = completed.deployment_version.as_ref().map(|version| &version.build_id);
        let build_id = of_deployment.or(of_stamp).map_or("", String::as_str);
        let is_of_build = |point: &ResetPointInfo| {
            point.binary_checksum == completed.binary_checksum && point.build_id == build_id
        };
        if self.0.iter().any(is_of_build) {
            return;
        }
        self.0.push(ResetPointInfo {
            build_id: build_id.to_owned(),
            binary_checksum: completed.binary_checksum.clone(),
            run_id: run_id.to_owned(),
            first_workflow_task_completed_id: event_id,
            create_time: Some(time.into()),
            expire_time: None,
            resettable,
        });
        let surplus = self.0.len().saturating_sub(limits::RESET_POINTS);
        self.0.drain(..surplus);
    }
}
