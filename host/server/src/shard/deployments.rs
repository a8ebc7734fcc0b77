//! What a change of a deployment does to what waits in queues, and what of the queues deployments have to know.

use std::collections::BTreeSet;

use host_wire::temporal::api::enums::v1::TaskQueueType;

use crate::{
    deployment::state::{Deployment, Queue},
    matching::{queue_key::QueueKey, queues::POLLER_RECENT},
    shard::Shard,
    time::Time,
};

impl Shard {
    /// Sends what waits on these queues to the workers of the right versions.
    pub(crate) fn reroute(&mut self, concerns: impl Fn(&QueueKey) -> bool, now: Time) {
        self.queues.reroute(&self.executions, &self.queries, concerns, now);
    }

    /// The same for all queues that the workers of a deployment poll.
    pub(crate) fn reroute_deployment(&mut self, deployment: &Deployment, now: Time) {
        let names = deployment.versions.values().flat_map(|version| &version.queues);
        let names: BTreeSet<&str> = names.map(|queue| &*queue.name).collect();
        let namespace = &deployment.namespace;
        self.reroute(|key| key.namespace == *namespace && names.contains(&*key.name), now);
    }

    /// The builds of a deployment whose workers poll, or did of late.
    pub(crate) fn polled_builds(&self, namespace: &str, name: &str, now: Time) -> BTreeSet<String> {
        let Ok(Some((_, deployment))) = self.executions.deployments.find(namespace, name) else {
            return BTreeSet::new();
        };
        let polled = deployment.versions.iter().filter(|(build_id, version)| {
            version.queues.iter().any(|queue| {
                let key = key_of(deployment, build_id, queue);
                self.queues.polled_within(&key, POLLER_RECENT, now)
            })
        });
        polled.map(|(build_id, _)| build_id.clone()).collect()
    }

    /// The queues of the current version of a deployment on which tasks wait or come.
    pub(crate) fn busy_queues(&mut self, namespace: &str, name: &str, now: Time) -> BTreeSet<Queue> {
        let Ok(Some((_, deployment))) = self.executions.deployments.find(namespace, name) else {
            return BTreeSet::new();
        };
        let Some(build_id) = &deployment.current else { return BTreeSet::new() };
        let version = deployment.versions.get(build_id);
        let mut busy = BTreeSet::new();
        for queue in version.iter().flat_map(|version| &version.queues) {
            let of = TaskQueueType::try_from(queue.of).unwrap_or_default();
            let routing = self.executions.deployments.routing(namespace, &queue.name, of);
            let is_own =
                routing.current.is_none_or(|current| current.version() == Some(deployment.version(build_id)));
            let stats = self.queues.stats(&key_of(deployment, build_id, queue), now);
            let is_used = stats.iter().any(|stats| stats.backlog > 0 || stats.add_rate > 0.0);
            if is_own && is_used {
                busy.insert(queue.clone());
            }
        }
        busy
    }
}

/// The queue of a version.
pub(crate) fn key_of(deployment: &Deployment, build_id: &str, queue: &Queue) -> QueueKey {
    let of = TaskQueueType::try_from(queue.of).unwrap_or_default();
    let key = QueueKey::of(&deployment.namespace, &queue.name, of);
    key.for_version(Some(deployment.version(build_id)))
}
