//! What a start finds on the disk, other than runs.

use super::Contents;
use crate::{
    batch::{
        batches::StoredBatch,
        record::{BatchBody, BatchNumber},
        state::Batch,
    },
    deployment::{
        deployments::StoredDeployment,
        state::{Deployment, DeploymentNumber},
    },
    entity::EntityBody,
    namespace::{namespaces::Namespace, record::NamespaceNumber},
    nexus::endpoint::{Endpoint, EndpointNumber},
    schedule::{
        record::{ScheduleBody, ScheduleNumber},
        schedules::StoredSchedule,
        state::Schedule,
    },
};

impl Contents {
    pub(super) fn stored_schedules(&self) -> Vec<(ScheduleNumber, StoredSchedule)> {
        let whole = |(number, bodies): (ScheduleNumber, Vec<ScheduleBody>)| {
            let schedule = Schedule::from_records(bodies)?;
            Some((number, StoredSchedule::Sound(Box::new(schedule))))
        };
        self.entities().filter_map(whole).collect()
    }

    pub(super) fn stored_batches(&self) -> Vec<(BatchNumber, StoredBatch)> {
        let whole = |(number, bodies): (BatchNumber, Vec<BatchBody>)| {
            let batch = Batch::from_records(bodies)?;
            Some((number, StoredBatch::Sound(Box::new(batch))))
        };
        self.entities().filter_map(whole).collect()
    }

    pub(super) fn stored_deployments(&self) -> Vec<(DeploymentNumber, StoredDeployment)> {
        let whole = |(number, mut bodies): (DeploymentNumber, Vec<Deployment>)| {
            let deployment = bodies.pop().filter(|deployment| !deployment.is_deleted)?;
            Some((number, StoredDeployment::Sound(Box::new(deployment))))
        };
        self.entities().filter_map(whole).collect()
    }

    pub(super) fn stored_endpoints(&self) -> Vec<(EndpointNumber, Endpoint)> {
        let whole = |(number, mut bodies): (EndpointNumber, Vec<Endpoint>)| {
            Some((number, bodies.pop().filter(|endpoint| !endpoint.is_deleted)?))
        };
        self.entities().filter_map(whole).collect()
    }

    pub(super) fn stored_namespaces(&self) -> Vec<(NamespaceNumber, Namespace)> {
        let last = |(number, mut bodies): (_, Vec<_>)| Some((number, Namespace::from_record(bodies.pop()?)?));
        self.entities().filter_map(last).collect()
    }

    /// The records of all entities of a kind, by number.
    fn entities<B: EntityBody>(&self) -> impl Iterator<Item = (u64, Vec<B>)> {
        let of_kind = self.others.iter().filter(|(entity, _)| entity.kind == B::KIND);
        of_kind.map(|(entity, bodies)| {
            let decoded = bodies.iter().map(|body| B::decode(body.clone()).unwrap());
            (entity.number, decoded.collect())
        })
    }
}
