//! The metrics of the process, as text for Prometheus.

use std::time::Duration;

use anyhow::Context as _;
use host_telemetry::{ALL, Description, Kind, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

/// Bounds of the buckets of latencies, in milliseconds: from a step of a workflow to a day.
const LATENCIES: [f64; 20] = [
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    20.0,
    50.0,
    100.0,
    200.0,
    500.0,
    1_000.0,
    2_000.0,
    5_000.0,
    10_000.0,
    30_000.0,
    60_000.0,
    600_000.0,
    3_600_000.0,
    86_400_000.0,
];
/// Bounds of the buckets of numbers of things.
const COUNTS: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 10_000.0];
/// Bounds of the buckets of what workflows measure, whose unit only they know.
const OF_GUESTS: [f64; 15] = [
    0.001,
    0.01,
    0.1,
    0.5,
    1.0,
    5.0,
    10.0,
    50.0,
    100.0,
    500.0,
    1_000.0,
    5_000.0,
    10_000.0,
    100_000.0,
    1_000_000.0,
];
/// How often samples of histograms are put into their buckets when no scrape does it.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Gathers the metrics of the process from its making on.
#[derive(Clone, Debug)]
pub(crate) struct Exporter {
    handle: PrometheusHandle,
    process: Collector,
}

impl Exporter {
    /// Begins to record. Must be called inside a tokio runtime, once in a process.
    ///
    /// # Errors
    ///
    /// When something else records the metrics of the process.
    pub(crate) fn install() -> anyhow::Result<Self> {
        let mut builder = PrometheusBuilder::new().set_buckets(&OF_GUESTS)?;
        for metric in ALL.iter().filter(|metric| metric.kind == Kind::Histogram) {
            let bounds: &[f64] = match metric.unit {
                Unit::Milliseconds => &LATENCIES,
                Unit::Count | Unit::Bytes => &COUNTS,
            };
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)?;
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).context("failed to record metrics")?;
        for metric in ALL {
            describe(metric);
        }
        let process = Collector::default();
        process.describe();
        host_telemetry::enable();
        let upkeep = handle.clone();
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
            loop {
                interval.tick().await;
                upkeep.run_upkeep();
            }
        });
        Ok(Self { handle, process })
    }

    /// All metrics in the text format of Prometheus.
    pub(crate) fn render(&self) -> String {
        self.process.collect();
        self.handle.render()
    }
}

fn describe(metric: &Description) {
    let unit = match metric.unit {
        Unit::Count => metrics::Unit::Count,
        Unit::Milliseconds => metrics::Unit::Milliseconds,
        Unit::Bytes => metrics::Unit::Bytes,
    };
    match metric.kind {
        Kind::Counter => metrics::describe_counter!(metric.name, unit, metric.description),
        Kind::Gauge => metrics::describe_gauge!(metric.name, unit, metric.description),
        Kind::Histogram => metrics::describe_histogram!(metric.name, unit, metric.description),
    }
}
