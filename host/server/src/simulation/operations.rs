//! Clients pause, unpause, reset and change the activities of runs, and change the options of runs.

use std::time::Duration;

use host_service::WorkflowService;
use host_wire::{
    duration_to_proto,
    temporal::api::{
        activity::v1::ActivityOptions,
        common::v1::RetryPolicy,
        workflow::v1::{VersioningOverride, WorkflowExecutionOptions, versioning_override::Override},
        workflowservice::v1::*,
    },
};
use prost_types::FieldMask;

use super::{NAMESPACE, client::Client, client::execution, commands::ACTIVITY_TYPE};

impl Client {
    /// Does something to all activities of a run, or to the run.
    pub(super) async fn operate(&mut self) {
        let (workflow_id, run_id) = self.target();
        let answer = match self.random.below(5) {
            0 => self.pause(&workflow_id, &run_id).await,
            1 => self.unpause(&workflow_id, &run_id, true).await,
            2 => self.reset_activities(&workflow_id, &run_id).await,
            3 => self.change_activities(&workflow_id, &run_id).await,
            _ => self.change_run(&workflow_id, &run_id).await,
        };
        self.say(format_args!("operates on {workflow_id} {run_id}"), answer);
    }

    async fn pause(&mut self, workflow_id: &str, run_id: &str) -> Result<&'static str, tonic::Status> {
        self.simulation.model().operated_on(workflow_id);
        let request = PauseActivityRequest {
            namespace: NAMESPACE.to_owned(),
            execution: execution(workflow_id, run_id),
            activity: Some(pause_activity_request::Activity::Type(ACTIVITY_TYPE.to_owned())),
            ..Default::default()
        };
        let answer = self.retried(request, async |service, request| service.pause_activity(request).await);
        answer.await.map(|_| "pause")
    }

    /// Lets all activities go on.
    pub(super) async fn unpause(
        &mut self,
        workflow_id: &str,
        run_id: &str,
        resets: bool,
    ) -> Result<&'static str, tonic::Status> {
        self.simulation.model().operated_on(workflow_id);
        let request = UnpauseActivityRequest {
            namespace: NAMESPACE.to_owned(),
            execution: execution(workflow_id, run_id),
            reset_attempts: resets && self.random.percent(30),
            reset_heartbeat: resets && self.random.percent(30),
            jitter: self.random.percent(50).then(|| duration_to_proto(Duration::from_secs(2))),
            activity: Some(unpause_activity_request::Activity::UnpauseAll(true)),
            ..Default::default()
        };
        let answer = self.retried(request, async |service, request| service.unpause_activity(request).await);
        answer.await.map(|_| "unpause")
    }

    async fn reset_activities(
        &mut self,
        workflow_id: &str,
        run_id: &str,
    ) -> Result<&'static str, tonic::Status> {
        self.simulation.model().operated_on(workflow_id);
        let request = ResetActivityRequest {
            namespace: NAMESPACE.to_owned(),
            execution: execution(workflow_id, run_id),
            reset_heartbeat: self.random.percent(50),
            keep_paused: self.random.percent(50),
            restore_original_options: self.random.percent(50),
            activity: Some(reset_activity_request::Activity::MatchAll(true)),
            ..Default::default()
        };
        let answer = self.retried(request, async |service, request| service.reset_activity(request).await);
        answer.await.map(|_| "reset")
    }

    async fn change_activities(
        &mut self,
        workflow_id: &str,
        run_id: &str,
    ) -> Result<&'static str, tonic::Status> {
        self.simulation.model().operated_on(workflow_id);
        let attempts = i32::try_from(self.random.below(4)).unwrap();
        let request = UpdateActivityOptionsRequest {
            namespace: NAMESPACE.to_owned(),
            execution: execution(workflow_id, run_id),
            activity_options: Some(ActivityOptions {
                start_to_close_timeout: Some(duration_to_proto(Duration::from_secs(5))),
                retry_policy: Some(RetryPolicy { maximum_attempts: attempts, ..RetryPolicy::default() }),
                ..ActivityOptions::default()
            }),
            update_mask: Some(FieldMask {
                paths: ["start_to_close_timeout", "retry_policy.maximum_attempts"].map(str::to_owned).into(),
            }),
            activity: Some(update_activity_options_request::Activity::MatchAll(true)),
            ..Default::default()
        };
        let answer =
            self.retried(request, async |service, request| service.update_activity_options(request).await);
        answer.await.map(|_| "options of activities")
    }

    async fn change_run(&mut self, workflow_id: &str, run_id: &str) -> Result<&'static str, tonic::Status> {
        self.simulation.model().overridden.insert(workflow_id.to_owned());
        let auto = VersioningOverride { r#override: Some(Override::AutoUpgrade(true)), ..Default::default() };
        let request = UpdateWorkflowExecutionOptionsRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: execution(workflow_id, run_id),
            workflow_execution_options: Some(WorkflowExecutionOptions {
                versioning_override: self.random.percent(50).then_some(auto),
                ..Default::default()
            }),
            update_mask: Some(FieldMask { paths: vec!["versioning_override".to_owned()] }),
            ..Default::default()
        };
        let answer = self.retried(request, async |service, request| {
            service.update_workflow_execution_options(request).await
        });
        answer.await.map(|_| "options of the run")
    }
}
