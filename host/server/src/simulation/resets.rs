//! Resets: clients start new runs from the middle of others.

use host_service::WorkflowService;
use host_wire::{
    EventAttributes, RawEvent,
    temporal::api::{enums::v1::ResetReapplyExcludeType, workflowservice::v1::*},
};

use super::{NAMESPACE, client::Client, client::execution};

impl Client {
    /// Resets a run to one of its workflow tasks, mostly, or to any event.
    pub(super) async fn reset(&mut self) {
        let (workflow_id, run_id) = self.target();
        if run_id.is_empty() {
            return;
        }
        let point = if self.random.percent(80) {
            let Some(point) = self.task_end(&run_id) else { return };
            point
        } else {
            i64::try_from(self.random.below(30)).unwrap()
        };
        let mut excluded = Vec::new();
        for (of, percent) in [
            (ResetReapplyExcludeType::Signal, 10),
            (ResetReapplyExcludeType::Update, 20),
            (ResetReapplyExcludeType::Nexus, 50),
        ] {
            if self.random.percent(percent) {
                excluded.push(of.into());
            }
        }
        let request = ResetWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: execution(&workflow_id, &run_id),
            workflow_task_finish_event_id: point,
            request_id: self.new_name("reset"),
            reset_reapply_exclude_types: excluded,
            ..Default::default()
        };
        let answer =
            self.retried(request, async |service, request| service.reset_workflow_execution(request).await);
        let answer = answer.await.map(|answer| answer.run_id);
        if let Ok(new_run_id) = &answer {
            self.simulation.model().saw_run(&workflow_id, new_run_id);
        }
        self.say(format_args!("reset {workflow_id} {run_id} to {point}"), answer);
    }

    /// The end of a workflow task, of those that were seen.
    fn task_end(&mut self, run_id: &str) -> Option<i64> {
        let ends: Vec<i64> = {
            let model = self.simulation.model();
            let events = model.runs.get(run_id)?.events().iter();
            let ends = events.filter_map(|encoded| {
                let event = RawEvent::new(encoded.clone()).ok()?;
                let is_end = matches!(
                    event.attributes().ok()?,
                    Some(
                        EventAttributes::WorkflowTaskCompletedEventAttributes(_)
                            | EventAttributes::WorkflowTaskFailedEventAttributes(_)
                            | EventAttributes::WorkflowTaskTimedOutEventAttributes(_)
                    )
                );
                is_end.then(|| event.event_id())
            });
            ends.collect()
        };
        (!ends.is_empty()).then(|| *self.random.pick(&ends))
    }
}
