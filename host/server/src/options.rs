//! How a service is opened.

use std::{collections::BTreeMap, time::Duration};

use host_wire::temporal::api::enums::v1::IndexedValueType;

/// The namespace that is always there.
pub const DEFAULT_NAMESPACE: &str = "default";

/// How long closed runs are kept unless [`Options::retention`] says otherwise: 30 days.
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// How often a draining version is looked at unless [`Options::drainage_interval`] says otherwise: 3 minutes.
pub const DEFAULT_DRAINAGE_INTERVAL: Duration = Duration::from_secs(180);

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
    /// How long after a version of a worker deployment got no new runs any more it is looked for the first time whether
    /// runs are pinned to it, and how often afterwards. `matching.wv.VersionDrainageStatusVisibilityGracePeriod` and
    /// `matching.wv.VersionDrainageStatusRefreshInterval` of Temporal's server. At least 1 s.
    pub drainage_interval: Duration,
    /// Whether Nexus endpoints may be at URLs: whoever opens the service so makes the calls of [`crate::NexusCalls`].
    /// Without, operations of such endpoints fail.
    pub nexus_urls: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespaces: vec![DEFAULT_NAMESPACE.to_owned()],
            search_attributes: BTreeMap::new(),
            retention: DEFAULT_RETENTION,
            time_skipping: false,
            drainage_interval: DEFAULT_DRAINAGE_INTERVAL,
            nexus_urls: false,
        }
    }
}
