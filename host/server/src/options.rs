//! How a service is opened.

use std::time::Duration;

/// The namespace that is always there.
pub const DEFAULT_NAMESPACE: &str = "default";

/// How long closed runs are kept unless [`Options::retention`] says otherwise: 30 days.
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// What a service is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespaces that it has, by name. There are no others.
    pub namespaces: Vec<String>,
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
            retention: DEFAULT_RETENTION,
            time_skipping: false,
        }
    }
}
