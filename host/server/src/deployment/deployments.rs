//! All deployments.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use host_wire::temporal::api::{deployment::v1::WorkerDeploymentVersion, enums::v1::TaskQueueType};

use crate::{
    deployment::state::{Deployment, DeploymentNumber, Version},
    error::Error,
};

/// All deployments of all namespaces.
#[derive(Debug, Default)]
pub(crate) struct Deployments {
    by_number: BTreeMap<DeploymentNumber, Deployment>,
    by_name: HashMap<(String, String), DeploymentNumber>,
    /// The deployments whose workers poll a queue of this name, in any namespace.
    by_queue: HashMap<String, BTreeSet<DeploymentNumber>>,
    /// Those that cannot be read, by namespace and name, with the reason.
    damaged: BTreeMap<(String, String), (DeploymentNumber, String)>,
    next_number: DeploymentNumber,
}

/// A deployment as storage has it.
#[derive(Clone, Debug)]
pub(crate) enum StoredDeployment {
    Sound(Box<Deployment>),
    /// It cannot be read.
    Damaged {
        namespace: String,
        name: String,
        reason: String,
    },
}

impl Deployments {
    /// The deployments that a start finds.
    pub(crate) fn new(found: Vec<(DeploymentNumber, StoredDeployment)>) -> Self {
        let mut all = Self::default();
        for (number, stored) in found {
            all.next_number = all.next_number.max(number + 1);
            match stored {
                StoredDeployment::Sound(deployment) => all.set(number, *deployment),
                StoredDeployment::Damaged { namespace, name, reason } => {
                    all.damaged.insert((namespace, name), (number, reason));
                }
            }
        }
        all
    }

    pub(crate) fn get(&self, number: DeploymentNumber) -> Option<&Deployment> {
        self.by_number.get(&number)
    }

    /// The deployment with this name; none if there is none.
    ///
    /// # Errors
    ///
    /// When it is damaged.
    pub(crate) fn find(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<(DeploymentNumber, &Deployment)>, Error> {
        if self.by_name.is_empty() && self.damaged.is_empty() {
            return Ok(None);
        }
        let key = (namespace.to_owned(), name.to_owned());
        if let Some((_, reason)) = self.damaged.get(&key) {
            return Err(Error::DamagedDeployment { name: key.1, reason: reason.clone() });
        }
        let number = self.by_name.get(&key).copied();
        Ok(number.and_then(|number| Some((number, self.by_number.get(&number)?))))
    }

    /// Those of a namespace before a number, the latest first.
    pub(crate) fn before(
        &self,
        namespace: &str,
        number: DeploymentNumber,
    ) -> impl Iterator<Item = (DeploymentNumber, &Deployment)> {
        let earlier = self.by_number.range(..number).rev();
        earlier.filter(move |(_, it)| it.namespace == namespace).map(|(number, it)| (*number, it))
    }

    /// The numbers of those of a namespace, damaged ones too.
    pub(crate) fn numbers(&self, namespace: &str) -> Vec<DeploymentNumber> {
        let damaged = self.damaged.iter().filter(|((of, _), _)| of == namespace);
        let damaged = damaged.map(|(_, (number, _))| *number);
        self.before(namespace, DeploymentNumber::MAX).map(|(number, _)| number).chain(damaged).collect()
    }

    /// Those whose workers poll a queue of this name.
    pub(crate) fn of_queue(&self, namespace: &str, queue: &str) -> impl Iterator<Item = &Deployment> {
        let numbers = self.by_queue.get(queue).into_iter().flatten();
        let of_queue = numbers.filter_map(|number| self.by_number.get(number));
        of_queue.filter(move |deployment| deployment.namespace == namespace)
    }

    /// Whether the workers of a version poll a queue.
    pub(crate) fn polls(
        &self,
        namespace: &str,
        version: &WorkerDeploymentVersion,
        queue: &str,
        of: TaskQueueType,
    ) -> bool {
        self.of_queue(namespace, queue).any(|deployment| {
            deployment.name == version.deployment_name && deployment.polls(&version.build_id, queue, of)
        })
    }

    /// The versions that drain.
    pub(crate) fn draining(&self) -> impl Iterator<Item = (DeploymentNumber, &Deployment, &str, &Version)> {
        self.by_number.iter().flat_map(|(number, deployment)| {
            let draining = deployment.versions.iter().filter(|(_, version)| version.is_draining());
            draining.map(move |(build_id, version)| (*number, deployment, &**build_id, version))
        })
    }

    /// The number that the next one gets.
    pub(crate) fn next_number(&self) -> DeploymentNumber {
        self.next_number
    }

    /// One came to be or was changed.
    pub(crate) fn set(&mut self, number: DeploymentNumber, deployment: Deployment) {
        self.next_number = self.next_number.max(number + 1);
        self.remove(number);
        self.by_name.insert((deployment.namespace.clone(), deployment.name.clone()), number);
        for queue in deployment.versions.values().flat_map(|version| &version.queues) {
            self.by_queue.entry(queue.name.clone()).or_default().insert(number);
        }
        self.by_number.insert(number, deployment);
    }

    /// One is deleted.
    pub(crate) fn remove(&mut self, number: DeploymentNumber) -> Option<Deployment> {
        self.damaged.retain(|_, (damaged, _)| *damaged != number);
        let deployment = self.by_number.remove(&number)?;
        self.by_name.remove(&(deployment.namespace.clone(), deployment.name.clone()));
        for queue in deployment.versions.values().flat_map(|version| &version.queues) {
            if let Some(numbers) = self.by_queue.get_mut(&queue.name) {
                numbers.remove(&number);
                if numbers.is_empty() {
                    self.by_queue.remove(&queue.name);
                }
            }
        }
        Some(deployment)
    }
}
