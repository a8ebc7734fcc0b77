//! An endpoint as storage keeps it: the whole of it with every change, because it is small.

use host_wire::temporal::api::nexus::v1::{self as api, endpoint_target};
use prost::Message;

use crate::{
    entity::{EntityBody, EntityKind},
    time::Time,
};

/// Number of an endpoint, from 0 in the order in which they came to be. The service assigns it.
pub(crate) type EndpointNumber = u64;

/// An endpoint, which is also the body of its records.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Endpoint {
    /// As clients see it. The version counts from 1.
    #[prost(message, optional, tag = "1")]
    pub(crate) shown: Option<api::Endpoint>,
    #[prost(bool, tag = "2")]
    pub(crate) is_deleted: bool,
}

impl EntityBody for Endpoint {
    const KIND: EntityKind = EntityKind::Endpoint;

    fn replaces_all(&self) -> bool {
        true
    }

    fn is_deleted(&self) -> bool {
        self.is_deleted
    }
}

/// The workers that handle the operations of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) task_queue: &'a str,
}

impl Endpoint {
    /// An endpoint that is created.
    pub(crate) fn new(id: String, spec: api::EndpointSpec, now: Time) -> Self {
        let url_prefix = format!("/nexus/endpoints/{id}/services");
        let shown = api::Endpoint {
            version: 1,
            id,
            spec: Some(spec),
            created_time: Some(now.into()),
            last_modified_time: None,
            url_prefix,
        };
        Self { shown: Some(shown), is_deleted: false }
    }

    /// The endpoint with another spec.
    pub(crate) fn updated(&self, spec: api::EndpointSpec, now: Time) -> Self {
        let mut updated = self.clone();
        let shown = updated.shown.get_or_insert_default();
        shown.version += 1;
        shown.spec = Some(spec);
        shown.last_modified_time = Some(now.into());
        updated
    }

    pub(crate) fn id(&self) -> &str {
        self.shown.as_ref().map_or("", |shown| &shown.id)
    }

    pub(crate) fn version(&self) -> i64 {
        self.shown.as_ref().map_or(0, |shown| shown.version)
    }

    pub(crate) fn name(&self) -> &str {
        let spec = self.shown.as_ref().and_then(|shown| shown.spec.as_ref());
        spec.map_or("", |spec| &spec.name)
    }

    /// Its workers; none for an endpoint at a URL.
    pub(crate) fn target(&self) -> Option<Target<'_>> {
        let spec = self.shown.as_ref()?.spec.as_ref()?;
        match spec.target.as_ref()?.variant.as_ref()? {
            endpoint_target::Variant::Worker(worker) => {
                Some(Target { namespace: &worker.namespace, task_queue: &worker.task_queue })
            }
            endpoint_target::Variant::External(_) => None,
        }
    }

    /// Its URL; none for an endpoint with workers.
    pub(crate) fn url(&self) -> Option<&str> {
        let spec = self.shown.as_ref()?.spec.as_ref()?;
        match spec.target.as_ref()?.variant.as_ref()? {
            endpoint_target::Variant::Worker(_) => None,
            endpoint_target::Variant::External(external) => Some(&external.url),
        }
    }
}
