//! All namespaces.

use std::{collections::BTreeMap, time::Duration};

use host_wire::temporal::api::{
    enums::v1::NamespaceState as State,
    namespace::v1::{NamespaceConfig, NamespaceInfo},
};

use crate::{
    error::Error,
    namespace::{
        namespace_id,
        record::{NamespaceBody, NamespaceNumber},
    },
    options::DEFAULT_RETENTION,
    time::{Time, positive},
};

/// One namespace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Namespace {
    pub(crate) info: NamespaceInfo,
    pub(crate) config: NamespaceConfig,
}

impl Namespace {
    /// A namespace of which nothing was set.
    pub(crate) fn new(name: &str) -> Self {
        let info = NamespaceInfo {
            name: name.to_owned(),
            id: namespace_id(name),
            state: State::Registered.into(),
            ..NamespaceInfo::default()
        };
        Self { info, config: NamespaceConfig::default() }
    }

    /// A namespace from its last record; none if that has not all of it, or says that nothing is left.
    pub(crate) fn from_record(body: NamespaceBody) -> Option<Self> {
        let NamespaceBody { info, config, is_deleted } = body;
        let info = info.filter(|info| !is_deleted && !info.name.is_empty())?;
        Some(Self { info, config: config.unwrap_or_default() })
    }

    /// What storage keeps of it.
    pub(crate) fn body(&self) -> NamespaceBody {
        NamespaceBody { info: Some(self.info.clone()), config: Some(self.config.clone()), is_deleted: false }
    }

    /// Whether it is being deleted: no call finds it any more.
    pub(crate) fn is_leaving(&self) -> bool {
        self.info.state() == State::Deleted
    }
}

/// All namespaces: those of the options, and those that were registered.
#[derive(Debug)]
pub(crate) struct Namespaces {
    by_name: BTreeMap<String, (NamespaceNumber, Namespace)>,
    next_number: NamespaceNumber,
    /// How long closed runs are kept where a namespace does not say.
    default_retention: Duration,
}

impl Default for Namespaces {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), next_number: 0, default_retention: DEFAULT_RETENTION }
    }
}

impl Namespaces {
    /// The namespaces that a start finds, and those of the options.
    pub(crate) fn new(
        found: Vec<(NamespaceNumber, Namespace)>,
        of_options: impl IntoIterator<Item = String>,
        default_retention: Duration,
    ) -> Self {
        let mut all = Self { default_retention, ..Self::default() };
        for (number, namespace) in found {
            all.set(number, namespace);
        }
        for name in of_options {
            if !all.by_name.contains_key(&name) {
                all.set(all.next_number, Namespace::new(&name));
            }
        }
        all
    }

    /// A namespace that calls find, by its name.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn find(&self, name: &str) -> Result<(NamespaceNumber, &Namespace), Error> {
        let found = self.get(name).filter(|(_, namespace)| !namespace.is_leaving());
        found.ok_or_else(|| Error::NamespaceNotFound(name.to_owned()))
    }

    /// A namespace, also one that is being deleted.
    pub(crate) fn get(&self, name: &str) -> Option<(NamespaceNumber, &Namespace)> {
        self.by_name.get(name).map(|(number, namespace)| (*number, namespace))
    }

    /// All of them, those that are being deleted too, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Namespace> {
        self.by_name.values().map(|(_, namespace)| namespace)
    }

    /// One that is being deleted.
    pub(crate) fn leaving(&self) -> Option<&Namespace> {
        self.iter().find(|namespace| namespace.is_leaving())
    }

    pub(crate) fn count(&self) -> usize {
        self.by_name.len()
    }

    /// Whether the code with this checksum is marked as bad: its workers get no workflow tasks, and complete none.
    pub(crate) fn has_bad_binary(&self, name: &str, checksum: &str) -> bool {
        let config = self.get(name).and_then(|(_, namespace)| namespace.config.bad_binaries.as_ref());
        config.is_some_and(|bad| bad.binaries.contains_key(checksum))
    }

    /// How long closed runs of a namespace are kept.
    pub(crate) fn retention(&self, namespace: &Namespace) -> Duration {
        positive(namespace.config.workflow_execution_retention_ttl).unwrap_or(self.default_retention)
    }

    /// What closed before this time is not kept. A namespace that is not known keeps what it has.
    pub(crate) fn expiry(&self, name: &str, now: Time) -> Time {
        self.get(name).map_or(Time(i64::MIN), |(_, namespace)| now.before(self.retention(namespace)))
    }

    /// The number that the next one gets.
    pub(crate) fn next_number(&self) -> NamespaceNumber {
        self.next_number
    }

    /// One is registered or changed.
    pub(crate) fn set(&mut self, number: NamespaceNumber, namespace: Namespace) {
        self.next_number = self.next_number.max(number + 1);
        self.by_name.insert(namespace.info.name.clone(), (number, namespace));
    }

    /// Nothing of one is left.
    pub(crate) fn remove(&mut self, name: &str) -> Option<(NamespaceNumber, Namespace)> {
        self.by_name.remove(name)
    }
}
