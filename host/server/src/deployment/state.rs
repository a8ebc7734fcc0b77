//! A deployment, as it is kept.

use std::collections::BTreeMap;

use bytes::Bytes;
use host_wire::temporal::api::{
    common::v1::Payload,
    deployment::v1::VersionDrainageInfo,
    enums::v1::{TaskQueueType, VersionDrainageStatus as Drainage, WorkerDeploymentVersionStatus as Status},
};
use prost::Message;
use prost_types::Timestamp;

use crate::{
    entity::{EntityBody, EntityKind},
    error::Error,
    time::Time,
};

/// Number of a deployment, from 0 in the order in which they came to be. The service assigns it.
pub(crate) type DeploymentNumber = u64;

/// A deployment of a namespace, which is also the body of its records: each has everything.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Deployment {
    #[prost(string, tag = "1")]
    pub(crate) namespace: String,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) created: Option<Timestamp>,
    /// The build that gets new workflows; none is workers without a version.
    #[prost(string, optional, tag = "4")]
    pub(crate) current: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub(crate) current_changed: Option<Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub(crate) ramp: Option<Ramp>,
    #[prost(message, optional, tag = "7")]
    pub(crate) ramp_changed: Option<Timestamp>,
    #[prost(message, optional, tag = "8")]
    pub(crate) percentage_changed: Option<Timestamp>,
    #[prost(string, tag = "9")]
    pub(crate) manager: String,
    #[prost(string, tag = "10")]
    pub(crate) last_modifier: String,
    /// Changes of the routing or of the manager, from 0.
    #[prost(uint64, tag = "11")]
    pub(crate) revision: u64,
    /// By build id.
    #[prost(btree_map = "string, message", tag = "12")]
    pub(crate) versions: BTreeMap<String, Version>,
    #[prost(bool, tag = "13")]
    pub(crate) is_deleted: bool,
}

/// The build that gets a part of the workflows.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Ramp {
    /// None is workers without a version.
    #[prost(string, optional, tag = "1")]
    pub(crate) build: Option<String>,
    /// 0 to 100.
    #[prost(float, tag = "2")]
    pub(crate) percentage: f32,
}

/// A version of a deployment.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Version {
    #[prost(message, optional, tag = "1")]
    pub(crate) created: Option<Timestamp>,
    /// When it last became or ceased to be current or ramping, or its percentage changed.
    #[prost(message, optional, tag = "2")]
    pub(crate) routing_changed: Option<Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub(crate) current_since: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub(crate) ramping_since: Option<Timestamp>,
    #[prost(message, optional, tag = "5")]
    pub(crate) first_activated: Option<Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub(crate) last_deactivated: Option<Timestamp>,
    /// Whether runs are pinned to it still, once it is neither current nor ramping.
    #[prost(message, optional, tag = "7")]
    pub(crate) drainage: Option<VersionDrainageInfo>,
    /// What clients say of it; none until the first says something.
    #[prost(message, optional, tag = "8")]
    pub(crate) metadata: Option<Metadata>,
    /// The task queues that its workers poll, sorted.
    #[prost(message, repeated, tag = "9")]
    pub(crate) queues: Vec<Queue>,
}

/// What clients say of a version.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) entries: BTreeMap<String, Payload>,
}

/// A task queue of one type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Message)]
pub(crate) struct Queue {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// A `TaskQueueType`.
    #[prost(int32, tag = "2")]
    pub(crate) of: i32,
}

impl Queue {
    pub(crate) fn new(name: &str, of: TaskQueueType) -> Self {
        Self { name: name.to_owned(), of: of.into() }
    }
}

impl EntityBody for Deployment {
    const KIND: EntityKind = EntityKind::Deployment;

    fn replaces_all(&self) -> bool {
        true
    }

    fn is_deleted(&self) -> bool {
        self.is_deleted
    }
}

impl Deployment {
    pub(crate) fn new(namespace: &str, name: &str, now: Time) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            created: Some(now.into()),
            ..Self::default()
        }
    }

    /// Changes with every change of the routing or the manager. Deployments of one name that follow each other have
    /// different ones.
    pub(crate) fn conflict_token(&self) -> Bytes {
        let created = self.created.map(Time::from).unwrap_or_default();
        Bytes::from([created.0.to_be_bytes(), self.revision.to_be_bytes()].concat())
    }

    /// Checks the token of a change, where it has one.
    ///
    /// # Errors
    ///
    /// When the deployment was changed since.
    pub(crate) fn check_token(&self, token: &Bytes) -> Result<(), Error> {
        if token.is_empty() || *token == self.conflict_token() {
            return Ok(());
        }
        Err(Error::FailedPrecondition("conflict token mismatch".to_owned()))
    }

    /// Checks who makes a change.
    ///
    /// # Errors
    ///
    /// When the deployment has a manager, which is another.
    pub(crate) fn check_manager(&self, identity: &str) -> Result<(), Error> {
        let manager = &self.manager;
        if manager.is_empty() || manager == identity {
            return Ok(());
        }
        Err(Error::FailedPrecondition(format!(
            "ManagerIdentity '{manager}' is set and does not match user identity '{identity}'; to proceed, set your \
             own identity as the ManagerIdentity, remove the ManagerIdentity, or wait for the other client to do so"
        )))
    }

    /// Notes a change of the routing or of the manager.
    pub(crate) fn changed_by(&mut self, identity: &str) {
        identity.clone_into(&mut self.last_modifier);
        self.revision += 1;
    }

    /// The build that ramps up, if it is not that of workers without a version.
    pub(crate) fn ramping(&self) -> Option<&str> {
        self.ramp.as_ref()?.build.as_deref()
    }

    /// Whether the workers of a build poll a queue.
    pub(crate) fn polls(&self, build_id: &str, queue: &str, of: TaskQueueType) -> bool {
        self.versions.get(build_id).is_some_and(|version| version.polls(queue, of))
    }
}

impl Version {
    pub(crate) fn new(now: Time) -> Self {
        Self { created: Some(now.into()), ..Self::default() }
    }

    pub(crate) fn polls(&self, queue: &str, of: TaskQueueType) -> bool {
        self.queues.iter().any(|it| it.of == i32::from(of) && it.name == queue)
    }

    /// It gets workflows from now on, or more or fewer of them.
    pub(crate) fn activate(&mut self, now: Time) {
        self.routing_changed = Some(now.into());
        self.first_activated.get_or_insert(now.into());
        self.last_deactivated = None;
        self.drainage = None;
    }

    /// It gets no new workflows any more.
    pub(crate) fn deactivate(&mut self, now: Time) {
        (self.current_since, self.ramping_since) = (None, None);
        self.routing_changed = Some(now.into());
        self.last_deactivated = Some(now.into());
        self.set_drainage(Drainage::Draining, now);
    }

    pub(crate) fn set_drainage(&mut self, status: Drainage, now: Time) {
        self.drainage = Some(VersionDrainageInfo {
            status: status.into(),
            last_changed_time: Some(now.into()),
            last_checked_time: Some(now.into()),
        });
    }

    pub(crate) fn status(&self) -> Status {
        match self.drainage.as_ref().map(VersionDrainageInfo::status) {
            _ if self.current_since.is_some() => Status::Current,
            _ if self.ramping_since.is_some() => Status::Ramping,
            Some(Drainage::Draining) => Status::Draining,
            Some(Drainage::Drained) => Status::Drained,
            Some(Drainage::Unspecified) | None => Status::Inactive,
        }
    }

    /// Whether runs are pinned to it still, as far as is known.
    pub(crate) fn is_draining(&self) -> bool {
        self.status() == Status::Draining
    }
}
