//! Which version gets a workflow.

use host_wire::temporal::api::{deployment::v1::WorkerDeploymentVersion, enums::v1::TaskQueueType};
use prost_types::Timestamp;

use crate::{
    deployment::{deployments::Deployments, state::Deployment},
    time::Time,
};

/// The versions that get the workflows of a queue which are not pinned. Where several deployments poll one queue, the one
/// counts that was changed last (`CalculateTaskQueueVersioningInfo` of Temporal's server).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Routing<'a> {
    pub(crate) current: Option<Routed<'a>>,
    pub(crate) ramp: Option<(Routed<'a>, f32)>,
}

/// A version, and since when it is so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Routed<'a> {
    deployment: &'a Deployment,
    /// None is workers without a version.
    build_id: Option<&'a str>,
    pub(crate) changed: Time,
}

impl Routed<'_> {
    /// None is workers without a version.
    pub(crate) fn version(self) -> Option<WorkerDeploymentVersion> {
        self.build_id.map(|build_id| self.deployment.version(build_id))
    }
}

impl Deployments {
    /// The versions that get the workflows of a queue.
    pub(crate) fn routing(&self, namespace: &str, queue: &str, of: TaskQueueType) -> Routing<'_> {
        let mut routing = Routing::default();
        for deployment in self.of_queue(namespace, queue) {
            let polls = |build_id: &str| deployment.polls(build_id, queue, of);
            let routed = |build_id, changed: Option<Timestamp>| Routed {
                deployment,
                build_id,
                changed: changed.map(Time::from).unwrap_or_default(),
            };
            let current = deployment.current.as_deref().filter(|build_id| polls(build_id));
            if let Some(version) = current.and_then(|build_id| deployment.versions.get(build_id)) {
                let current = routed(current, version.routing_changed);
                if routing.current.is_none_or(|other| other.changed < current.changed) {
                    routing.current = Some(current);
                }
            }
            let Some(ramp) = &deployment.ramp else { continue };
            let (is_there, changed) = match &ramp.build {
                Some(build_id) if polls(build_id) => {
                    (true, deployment.versions.get(build_id).and_then(|version| version.routing_changed))
                }
                Some(_) => (false, None),
                // Workers without a version take from those of the current one.
                None => (current.is_some(), deployment.percentage_changed),
            };
            let ramping = routed(ramp.build.as_deref(), changed);
            if is_there && routing.ramp.is_none_or(|(other, _)| other.changed < ramping.changed) {
                routing.ramp = Some((ramping, ramp.percentage));
            }
        }
        routing
    }
}

impl Routing<'_> {
    /// The version that gets a workflow; none is workers without one. `FindDeploymentVersionForWorkflowID`.
    pub(crate) fn version_for(&self, workflow_id: &str) -> Option<WorkerDeploymentVersion> {
        match self.ramp {
            Some((ramp, percentage)) if takes(percentage, workflow_id) => ramp.version(),
            _ => self.current.and_then(Routed::version),
        }
    }
}

/// Whether a percentage of all workflows has this one.
fn takes(percentage: f32, workflow_id: &str) -> bool {
    percentage >= 100.0 || percentage > 0.0 && threshold(workflow_id) <= f64::from(percentage)
}

/// A number from 0 to 100, which is always the same for a workflow id. `calcRampThreshold`.
fn threshold(workflow_id: &str) -> f64 {
    let hash = farmhash::fingerprint32(workflow_id.as_bytes());
    100.0 * (f64::from(hash) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `farm.Fingerprint32` of github.com/dgryski/go-farm, which Temporal's server uses.
    #[test]
    fn workflow_ids_have_the_hash_of_temporals_server() {
        for (workflow_id, expected) in [
            ("w", 1_260_754_544),
            ("wf-1", 3_907_881_833),
            ("workflow", 1_883_476_026),
            ("a-workflow-id", 51_127_764),
            ("order-2024-11-27", 339_905_070),
            ("a workflow id of 25 bytes", 3_829_221_673),
            ("a workflow id that is longer than forty bytes", 32_747_110),
        ] {
            assert_eq!(farmhash::fingerprint32(workflow_id.as_bytes()), expected, "{workflow_id}");
        }
    }

    #[test]
    fn a_percentage_has_its_part_of_the_workflows() {
        let part = |percentage| (0..10_000).filter(|id| takes(percentage, &format!("workflow-{id}"))).count();
        assert_eq!((part(0.0), part(100.0)), (0, 10_000));
        assert!((2_800..3_200).contains(&part(30.0)), "{}", part(30.0));
        assert!(takes(1.5, "a-workflow-id") && !takes(1.1, "a-workflow-id"));
    }
}
