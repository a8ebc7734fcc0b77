//! Workers of two versions of a deployment, whose routing clients change. Some workflows are pinned: once a worker of a
//! version has completed a task of one, no worker of another version gets its tasks.

use host_service::WorkflowService;
use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentOptions,
    enums::v1::{VersioningBehavior, WorkerVersioningMode},
    workflowservice::v1::*,
};

use super::{NAMESPACE, client::Client, model::Model};

const DEPLOYMENT: &str = "deployment";
/// The builds of the workers that have one.
pub(super) const BUILDS: [&str; 2] = ["one", "two"];

/// What a worker says of its version.
pub(super) fn options(build: Option<&str>) -> Option<WorkerDeploymentOptions> {
    build.map(|build| WorkerDeploymentOptions {
        deployment_name: DEPLOYMENT.to_owned(),
        build_id: build.to_owned(),
        worker_versioning_mode: WorkerVersioningMode::Versioned.into(),
    })
}

/// What a worker with a version says of a workflow.
pub(super) fn behavior(build: Option<&str>, workflow_id: &str) -> VersioningBehavior {
    match (build, workflow_id.bytes().last()) {
        (None, _) => VersioningBehavior::Unspecified,
        (Some(_), Some(last)) if last % 2 == 0 => VersioningBehavior::Pinned,
        _ => VersioningBehavior::AutoUpgrade,
    }
}

impl Model {
    /// A worker completed a task of a run, which is pinned to its build from now on.
    pub(super) fn pinned(&mut self, workflow_id: &str, run_id: &str, build: Option<&'static str>) {
        if behavior(build, workflow_id) == VersioningBehavior::Pinned {
            self.pinned.extend(build.map(|build| (run_id.to_owned(), build)));
        }
    }

    /// A worker got a task of a run.
    pub(super) fn saw_version(&mut self, workflow_id: &str, run_id: &str, build: Option<&'static str>) {
        if self.overridden.contains(workflow_id) {
            return;
        }
        if let Some(pinned) = self.pinned.get(run_id)
            && Some(*pinned) != build
        {
            let what = format!("{run_id} is pinned to {pinned}, and a worker of {build:?} has its task");
            self.fail(what);
        }
    }
}

impl Client {
    /// Makes a build the current one, or lets one ramp up; or no build.
    pub(super) async fn deploy(&mut self) {
        let build_id = (*self.random.pick(&["", BUILDS[0], BUILDS[1]])).to_owned();
        let (namespace, deployment_name) = (NAMESPACE.to_owned(), DEPLOYMENT.to_owned());
        if self.random.percent(50) {
            let request = SetWorkerDeploymentCurrentVersionRequest {
                namespace,
                deployment_name,
                build_id: build_id.clone(),
                ignore_missing_task_queues: true,
                ..Default::default()
            };
            let answer = self.retried(request, async |service, request| {
                service.set_worker_deployment_current_version(request).await
            });
            let answer = answer.await.map(|answer| answer.previous_version);
            return self.say(format_args!("current {build_id:?}"), answer);
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 100")]
        let percentage = self.random.below(101) as f32;
        let request = SetWorkerDeploymentRampingVersionRequest {
            namespace,
            deployment_name,
            build_id: build_id.clone(),
            percentage,
            ignore_missing_task_queues: true,
            ..Default::default()
        };
        let answer = self.retried(request, async |service, request| {
            service.set_worker_deployment_ramping_version(request).await
        });
        let answer = answer.await.map(|answer| answer.previous_version);
        self.say(format_args!("ramping {build_id:?} {percentage}%"), answer);
    }
}
