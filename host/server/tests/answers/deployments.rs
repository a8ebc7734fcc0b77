//! Worker deployments: what calls refuse, which version gets which workflow, and what descriptions and histories say.

mod calls;
mod shown;

use std::time::Duration;

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::{
            ContinueAsNewWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
            command::Attributes,
        },
        common::v1::{ActivityType, WorkflowType},
        deployment::v1::WorkerDeploymentOptions,
        enums::v1::{EventType, TaskQueueType, VersioningBehavior as Behavior, WorkerVersioningMode as Mode},
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{set_worker_deployment_manager_request::NewManagerIdentity, *},
    },
};
use tonic::Request;

use self::{
    calls::pinned_to,
    shown::{outcome, shown, shown_routing, shown_summary},
};
use crate::client::{Client, NAMESPACE, completion, seconds};

/// The deployment of this table.
const NAME: &str = "deployments-table";
/// That time for Temporal's server.
const NOTHING_OF_TEMPORAL: Duration = Duration::from_millis(2_500);
const LONGER: Duration = Duration::from_secs(4);
const TASK: Duration = Duration::from_secs(15);

pub(crate) async fn answers(client: Client) -> String {
    let mut table = Table { client, lines: Vec::new(), nothing: Duration::from_millis(300) };
    table.refusals().await;
    table.first_version().await;
    table.current().await;
    table.second_version().await;
    table.overrides().await;
    table.inheritance().await;
    table.activities().await;
    table.ramp().await;
    table.changes().await;
    table.ends().await;
    table.lines.join("\n") + "\n"
}

struct Table {
    client: Client,
    lines: Vec<String>,
    /// How long a poll waits that is to get nothing. Temporal's server keeps a second of it for itself, and takes a while
    /// for tasks that were routed anew.
    nothing: Duration,
}

impl Table {
    async fn refusals(&mut self) {
        for name in ["", "a.b", "a:b", "__a", NAME, &"x".repeat(481)] {
            let request = DescribeWorkerDeploymentRequest {
                namespace: NAMESPACE.to_owned(),
                deployment_name: name.to_owned(),
            };
            let answer = self.client.service.describe_worker_deployment(request).await;
            let short = &name[..name.len().min(20)];
            self.say(format!(
                "describe {:?}: {}",
                short.replace(NAME, "D"),
                outcome(answer, |_| "it is there".to_owned())
            ));
        }
        for name in ["", "nothing", "a.b", ".b", "a."] {
            let request = DescribeWorkerDeploymentVersionRequest {
                namespace: NAMESPACE.to_owned(),
                version: name.to_owned(),
                ..Default::default()
            };
            let answer = self.client.service.describe_worker_deployment_version(request).await;
            self.say(format!("describe version {name:?}: {}", outcome(answer, |_| "it is there".to_owned())));
        }
        self.say_version("1").await;
        self.say_current("1").await;
        self.say_ramping("1", 5.0).await;
        self.say_ramping("1", 101.0).await;
        self.say_ramping("1", -1.0).await;
        for (name, build_id) in [("", "b"), ("d", ""), ("a.b", "b"), ("a:b", "b")] {
            let mut request = Request::new(PollWorkflowTaskQueueRequest {
                namespace: NAMESPACE.to_owned(),
                task_queue: self.client.queue(),
                deployment_options: Some(WorkerDeploymentOptions {
                    deployment_name: name.to_owned(),
                    build_id: build_id.to_owned(),
                    worker_versioning_mode: Mode::Versioned.into(),
                }),
                ..Default::default()
            });
            request.set_timeout(TASK);
            let answer = self.client.service.poll_workflow_task_queue(request).await;
            self.say(format!("poll as {name:?} {build_id:?}: {}", outcome(answer, |_| "taken".to_owned())));
        }
        let request = SetWorkerDeploymentManagerRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_name: NAME.to_owned(),
            ..Default::default()
        };
        let answer = self.client.service.set_worker_deployment_manager(request.clone()).await;
        self.say(format!("manager, by no identity: {}", outcome(answer, |_| "set".to_owned())));
        let request = SetWorkerDeploymentManagerRequest { identity: "me".to_owned(), ..request };
        let answer = self.client.service.set_worker_deployment_manager(request).await;
        self.say(format!("manager: {}", outcome(answer, |_| "set".to_owned())));
        self.say_deletions("1").await;
        self.say_metadata("1", &["a"], &[]).await;
        self.say_metadata("1", &[], &[]).await;
    }

    /// A version that polls is there, and gets nothing.
    async fn first_version(&mut self) {
        self.register("1", TaskQueueType::Workflow).await;
        self.say_deployment().await;
        self.say_version("1").await;
        let request = ListWorkerDeploymentsRequest { namespace: NAMESPACE.to_owned(), ..Default::default() };
        for _ in 0..100 {
            let list =
                self.client.service.list_worker_deployments(request.clone()).await.unwrap().into_inner();
            // Temporal's server lists it later.
            if let Some(listed) = list.worker_deployments.iter().find(|it| it.name == NAME) {
                self.say(format!(
                    "listed: {}, latest {}, current {}, ramping {}",
                    shown_routing(&listed.routing_config.clone().unwrap()),
                    listed.latest_version_summary.as_ref().map_or("none".to_owned(), shown_summary),
                    listed.current_version_summary.as_ref().map_or("none".to_owned(), shown_summary),
                    listed.ramping_version_summary.as_ref().map_or("none".to_owned(), shown_summary),
                ));
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.client.start("before").await;
        self.next_at("before", &["1", ""], Behavior::Pinned).await;
        self.client.terminate("before").await;
    }

    /// Whatever starts goes to the current version.
    async fn current(&mut self) {
        self.say_current("1").await;
        self.say_current("1").await;
        self.say_current("9").await;
        self.say_deployment().await;
        self.say_version("1").await;
        for (name, behavior) in [("pinned", Behavior::Pinned), ("auto", Behavior::AutoUpgrade)] {
            self.client.start(name).await;
            self.next_at(name, &["", "1"], behavior).await;
            self.say_run(name).await;
        }
        let completed = self.client.event("pinned", EventType::WorkflowTaskCompleted).await;
        if let EventAttributes::WorkflowTaskCompletedEventAttributes(completed) = completed {
            self.say(format!(
                "completed: {:?} {} {:?} {:?}",
                completed.versioning_behavior(),
                shown(completed.deployment_version.as_ref()),
                completed.worker_deployment_name.replace(NAME, "D"),
                completed.worker_deployment_version.replace(NAME, "D")
            ));
        }
        self.client.start("wrong").await;
        let task = self.poll("1", TASK).await.unwrap();
        let answer = self.complete("", Behavior::Pinned, &task, Vec::new()).await;
        self.say(format!("behaviour without a version: {}", outcome(answer, |()| "taken".to_owned())));
        self.client.terminate("wrong").await;
    }

    async fn second_version(&mut self) {
        self.register("2", TaskQueueType::Workflow).await;
        self.say_current("2").await;
        self.say_deployment().await;
        self.say_version("1").await;
        self.signal("pinned").await;
        self.next_at("pinned", &["2", "1"], Behavior::Pinned).await;
        self.signal("auto").await;
        assert!(self.poll("1", self.nothing).await.is_none());
        let task = self.poll("2", TASK).await.unwrap();
        self.say_run("auto").await;
        self.complete("2", Behavior::AutoUpgrade, &task, Vec::new()).await.unwrap();
        self.say_run("auto").await;
    }

    async fn overrides(&mut self) {
        self.set_override("pinned", Some(pinned_to("2"))).await;
        self.say_run("pinned").await;
        self.signal("pinned").await;
        self.next_at("pinned", &["1", "2"], Behavior::Pinned).await;
        self.set_override("pinned", None).await;
        self.say_run("pinned").await;
        // A task that waits already goes along.
        self.signal("pinned").await;
        self.set_override("pinned", Some(pinned_to("1"))).await;
        self.next_at("pinned", &["2", "1"], Behavior::Pinned).await;
        self.set_override("pinned", None).await;
        self.say_run("pinned").await;
        let mut start = self.client.start_request("overridden");
        start.versioning_override = Some(pinned_to("1"));
        self.client.service.start_workflow_execution(start).await.unwrap();
        self.say_run("overridden").await;
        self.next_at("overridden", &["2", "1"], Behavior::AutoUpgrade).await;
        self.say_run("overridden").await;
        self.client.terminate("overridden").await;
        self.client.terminate("auto").await;
    }

    async fn inheritance(&mut self) {
        self.signal("pinned").await;
        let task = self.poll("1", TASK).await.unwrap();
        let elsewhere = TaskQueue { name: "deployments-elsewhere".to_owned(), ..TaskQueue::default() };
        let queue = self.client.queue();
        let commands = vec![self.child("child", queue.clone()), self.child("stranger", Some(elsewhere))];
        self.complete("1", Behavior::Pinned, &task, commands).await.unwrap();
        self.say_start("child").await;
        self.say_start("stranger").await;
        // The child has a task, and so has its parent, which hears of it.
        for _ in 0..2 {
            let Some(task) = self.poll("1", TASK).await else { continue };
            let id = task.workflow_execution.clone().unwrap_or_default().workflow_id;
            let commands = if id == self.client.id("child") { vec![completion()] } else { Vec::new() };
            self.complete("1", Behavior::Pinned, &task, commands).await.unwrap();
        }
        self.say_run("child").await;
        self.client.terminate("stranger").await;
        self.client.terminate("pinned").await;
        while let Some(task) = self.poll("1", self.nothing).await {
            let _ = self.complete("1", Behavior::Pinned, &task, Vec::new()).await;
        }

        let mut start = self.client.start_request("again");
        start.versioning_override = Some(pinned_to("1"));
        self.client.service.start_workflow_execution(start).await.unwrap();
        let task = self.poll("1", TASK).await.unwrap();
        let again = ContinueAsNewWorkflowExecutionCommandAttributes {
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            task_queue: queue,
            ..Default::default()
        };
        let command = Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(Box::new(again));
        self.complete("1", Behavior::AutoUpgrade, &task, vec![command]).await.unwrap();
        self.say_start("again").await;
        self.next_at("again", &["2", "1"], Behavior::Pinned).await;
        self.say_run("again").await;
        self.client.terminate("again").await;
    }

    async fn activities(&mut self) {
        let queue = self.client.queue().unwrap().name;
        for build_id in ["1", "2"] {
            self.register(build_id, TaskQueueType::Activity).await;
        }
        let mut start = self.client.start_request("active");
        start.versioning_override = Some(pinned_to("1"));
        self.client.service.start_workflow_execution(start).await.unwrap();
        let task = self.poll("1", TASK).await.unwrap();
        let activity = |id: &str, queue: &str| {
            Attributes::ScheduleActivityTaskCommandAttributes(Box::new(
                ScheduleActivityTaskCommandAttributes {
                    activity_id: id.to_owned(),
                    activity_type: Some(ActivityType { name: "Activity".to_owned() }),
                    task_queue: Some(TaskQueue { name: queue.to_owned(), ..TaskQueue::default() }),
                    start_to_close_timeout: seconds(60),
                    ..Default::default()
                },
            ))
        };
        let commands = vec![activity("own", &queue), activity("independent", "deployments-independent")];
        self.complete("1", Behavior::Pinned, &task, commands).await.unwrap();
        let wrong = self.poll_activity("2", &queue, self.nothing).await;
        let right = self.poll_activity("1", &queue, TASK).await;
        let independent = self.poll_activity("", "deployments-independent", TASK).await;
        self.say(format!("activities: at 2 {wrong}, at 1 {right}, at its own queue {independent}"));
        let request = DescribeWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            execution: Some(self.client.execution("active")),
        };
        let answer = self.client.service.describe_workflow_execution(request).await.unwrap().into_inner();
        let mut pending = answer.pending_activities;
        pending.sort_by(|a, b| a.activity_id.cmp(&b.activity_id));
        for activity in pending {
            self.say(format!(
                "activity {}: {:?}, last worker {} {:?}",
                activity.activity_id,
                activity.state(),
                shown(activity.last_deployment_version.as_ref()),
                activity.last_worker_deployment_version.replace(NAME, "D")
            ));
        }
        self.client.terminate("active").await;
    }

    async fn ramp(&mut self) {
        self.say_ramping("2", 10.0).await;
        self.say_ramping("9", 10.0).await;
        self.say_ramping("1", 30.0).await;
        self.say_ramping("1", 30.0).await;
        self.say_deployment().await;
        self.say_version("1").await;
        for number in 0..6 {
            let name = format!("ramp-{number}");
            self.client.start(&name).await;
            self.next_at(&name, &["1", "2"], Behavior::Pinned).await;
            self.client.terminate(&name).await;
        }
        self.say_ramping("1", 60.0).await;
        self.say_ramping("", 20.0).await;
        self.say_deployment().await;
        self.say_ramping("", 0.0).await;
        self.say_deployment().await;
        self.say_version("1").await;
    }

    /// Tokens, managers, metadata, versions that no worker has.
    async fn changes(&mut self) {
        let token = self.describe().await.unwrap().conflict_token;
        let current =
            |token: &bytes::Bytes, identity: &str, build_id: &str| SetWorkerDeploymentCurrentVersionRequest {
                namespace: NAMESPACE.to_owned(),
                deployment_name: NAME.to_owned(),
                build_id: build_id.to_owned(),
                conflict_token: token.clone(),
                identity: identity.to_owned(),
                ..Default::default()
            };
        let answer =
            self.client.service.set_worker_deployment_current_version(current(&token, "me", "1")).await;
        self.say(format!("with its token: {}", outcome(answer, |_| "set".to_owned())));
        let answer =
            self.client.service.set_worker_deployment_current_version(current(&token, "me", "2")).await;
        self.say(format!("with an old token: {}", outcome(answer, |_| "set".to_owned())));
        let manager = |manager: NewManagerIdentity, identity: &str| SetWorkerDeploymentManagerRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_name: NAME.to_owned(),
            identity: identity.to_owned(),
            new_manager_identity: Some(manager),
            ..Default::default()
        };
        let none = bytes::Bytes::new();
        for (new, identity) in [
            (NewManagerIdentity::ManagerIdentity("boss".to_owned()), "me"),
            (NewManagerIdentity::ManagerIdentity("boss".to_owned()), "me"),
            (NewManagerIdentity::Self_(true), "other"),
        ] {
            let answer = self.client.service.set_worker_deployment_manager(manager(new, identity)).await;
            let answer = outcome(answer.map(tonic::Response::into_inner), |answer| {
                format!(
                    "before {:?}, token {}",
                    answer.previous_manager_identity,
                    !answer.conflict_token.is_empty()
                )
            });
            self.say(format!("manager by {identity}: {answer}"));
        }
        for identity in ["me", "other"] {
            let request = current(&none, identity, "2");
            let answer = self.client.service.set_worker_deployment_current_version(request).await;
            self.say(format!("current by {identity}: {}", outcome(answer, |_| "set".to_owned())));
        }
        let request = manager(NewManagerIdentity::ManagerIdentity(String::new()), "other");
        self.client.service.set_worker_deployment_manager(request).await.unwrap();
        self.say_deployment().await;
        self.say_metadata("1", &["a", "b"], &[]).await;
        self.say_metadata("1", &["c"], &["a"]).await;
        self.say_version("1").await;
        let request = SetWorkerDeploymentRampingVersionRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_name: NAME.to_owned(),
            build_id: "3".to_owned(),
            percentage: 1.0,
            identity: "me".to_owned(),
            allow_no_pollers: true,
            ignore_missing_task_queues: true,
            ..Default::default()
        };
        let answer = self.client.service.set_worker_deployment_ramping_version(request).await;
        self.say(format!("ramping without workers: {}", outcome(answer, |_| "set".to_owned())));
        self.say_version("3").await;
    }

    async fn ends(&mut self) {
        self.say_deletions("2").await;
        self.say_deletions("3").await;
        self.say_ramping("", 0.0).await;
        self.say_deletions("3").await;
        self.say_deletions("1").await;
        self.say_deletions("9").await;
        self.say_current("").await;
        self.say_deployment().await;
        self.client.start("after").await;
        self.next_at("after", &["2", ""], Behavior::Pinned).await;
        self.client.terminate("after").await;
        let request = DeleteWorkerDeploymentRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_name: NAME.to_owned(),
            identity: "me".to_owned(),
        };
        // Temporal's server does not say why.
        let answer = self.client.service.delete_worker_deployment(request).await;
        self.say(format!("delete: done {}", answer.is_ok()));
        let request = DeleteWorkerDeploymentRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_name: "deployments-nothing".to_owned(),
            identity: "me".to_owned(),
        };
        let answer = self.client.service.delete_worker_deployment(request).await;
        self.say(format!("delete what is not there: {}", outcome(answer, |_| "done".to_owned())));
    }
}
