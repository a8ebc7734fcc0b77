//! How a service is opened.

use std::{collections::BTreeMap, time::Duration};

use host_wire::temporal::api::enums::v1::IndexedValueType;

/// The namespace that is always there.
pub const DEFAULT_NAMESPACE: &str = "default";

/// How long closed runs are kept unless [`Options::retention`] says otherwise: 30 days.
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// What a service is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespaces that it has, by name. There are no others.
    pub namespaces: Vec<String>,
    /// Search attributes that every namespace has beside those that are registered, with their types.
    pub search_attributes: BTreeMap<String, IndexedValueType>,
    /// How long closed runs are kept, `workflow_execution_retention_ttl` of the protocol.
    pub retention: Duration,
    /// Whether time is skipped while nothing is in progress, as clients allow by `TestService`: for tests. Closed runs
    /// are kept then, whatever the retention says.
    pub time_skipping: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespaces: vec![DEFAULT_NAMESPACE.to_owned()],
            search_attributes: BTreeMap::new(),
            retention: DEFAULT_RETENTION,
            time_skipping: false,
        }
    }
}
