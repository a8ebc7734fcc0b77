//! All endpoints of the service.

use std::collections::{BTreeMap, HashMap};

use crate::{
    error::Error,
    nexus::endpoint::{Endpoint, EndpointNumber},
};

/// All endpoints.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    by_number: BTreeMap<EndpointNumber, Endpoint>,
    /// By id, which is the order of lists.
    by_id: BTreeMap<String, EndpointNumber>,
    by_name: HashMap<String, EndpointNumber>,
    next_number: EndpointNumber,
    /// Whether handlers at URLs are called: by what takes [`crate::NexusCalls`].
    pub(crate) calls_urls: bool,
}

impl Endpoints {
    /// The endpoints that a start finds.
    pub(crate) fn new(found: Vec<(EndpointNumber, Endpoint)>, calls_urls: bool) -> Self {
        let mut all = Self { calls_urls, ..Self::default() };
        for (number, endpoint) in found {
            all.set(number, endpoint);
        }
        all
    }

    pub(crate) fn get(&self, number: EndpointNumber) -> Option<&Endpoint> {
        self.by_number.get(&number)
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<(EndpointNumber, &Endpoint)> {
        let number = *self.by_id.get(id)?;
        Some((number, self.by_number.get(&number)?))
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Endpoint> {
        self.by_number.get(self.by_name.get(name)?)
    }

    /// The endpoint with this id, or else with this name: one that was deleted and created again has another id.
    pub(crate) fn find(&self, id: &str, name: &str) -> Option<&Endpoint> {
        self.by_id(id).map(|(_, endpoint)| endpoint).or_else(|| self.by_name(name))
    }

    /// Those with ids after `id`, in their order.
    pub(crate) fn after<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Endpoint> {
        let later = self.by_id.range::<str, _>((std::ops::Bound::Excluded(id), std::ops::Bound::Unbounded));
        later.filter_map(|(_, number)| self.by_number.get(number))
    }

    /// Checks that no endpoint has its workers in a namespace that is to be deleted.
    ///
    /// # Errors
    ///
    /// Names the endpoint that keeps the namespace from being deleted.
    pub(crate) fn check_may_leave(&self, namespace: &str) -> Result<(), Error> {
        let targets = |endpoint: &&Endpoint| endpoint.target().is_some_and(|it| it.namespace == namespace);
        match self.by_number.values().find(targets) {
            None => Ok(()),
            Some(endpoint) => Err(Error::FailedPrecondition(format!(
                "cannot delete a namespace that is a target of a Nexus endpoint {}",
                endpoint.name()
            ))),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.by_number.len()
    }

    /// The number that the next one gets.
    pub(crate) fn next_number(&self) -> EndpointNumber {
        self.next_number
    }

    /// One is created or changed.
    pub(crate) fn set(&mut self, number: EndpointNumber, endpoint: Endpoint) {
        self.next_number = self.next_number.max(number + 1);
        self.remove(number);
        self.by_id.insert(endpoint.id().to_owned(), number);
        self.by_name.insert(endpoint.name().to_owned(), number);
        self.by_number.insert(number, endpoint);
    }

    /// One is deleted.
    pub(crate) fn remove(&mut self, number: EndpointNumber) -> Option<Endpoint> {
        let endpoint = self.by_number.remove(&number)?;
        self.by_id.remove(endpoint.id());
        if self.by_name.get(endpoint.name()) == Some(&number) {
            self.by_name.remove(endpoint.name());
        }
        Some(endpoint)
    }
}
