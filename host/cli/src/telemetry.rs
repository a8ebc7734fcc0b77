//! Metrics over HTTP: what Prometheus scrapes, and what an orchestrator asks before it sends work.

mod exporter;
mod listener;

pub(crate) use exporter::Exporter;
pub(crate) use listener::MetricsArgs;
