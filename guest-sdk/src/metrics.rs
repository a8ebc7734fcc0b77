//! Metrics of a workflow. The host drops measurements in replay.

use crate::bindings::workflow::host::metrics::{Instrument, Measurement};
use crate::host;

/// A measurement that adds `value` to a sum.
pub fn counter(name: &str, value: u64) -> Metric {
    // Exact up to 2^53.
    Metric::new(Instrument::Counter, name, value as f64)
}

/// A measurement that replaces the last value.
pub fn gauge(name: &str, value: f64) -> Metric {
    Metric::new(Instrument::Gauge, name, value)
}

/// A measurement that adds a sample to a distribution.
pub fn histogram(name: &str, value: f64) -> Metric {
    Metric::new(Instrument::Histogram, name, value)
}

/// A measurement. [`record`](Self::record) records it; the host adds namespace, task queue and workflow type.
///
/// ```no_run
/// guest_sdk::metrics::counter("orders", 1).attribute("country", "de").record();
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is recorded before `record`"]
pub struct Metric(Measurement);

impl Metric {
    fn new(instrument: Instrument, name: &str, value: f64) -> Self {
        Self(Measurement {
            instrument,
            name: name.to_owned(),
            unit: String::new(),
            description: String::new(),
            value,
            attributes: Vec::new(),
        })
    }

    /// Sets the unit, for example `ms` or `By`. Default: none.
    pub fn unit(mut self, unit: &str) -> Self {
        self.0.unit = unit.to_owned();
        self
    }

    /// Sets the description of the metric. Default: none.
    pub fn description(mut self, description: &str) -> Self {
        self.0.description = description.to_owned();
        self
    }

    /// Adds an attribute.
    pub fn attribute(mut self, key: &str, value: &str) -> Self {
        self.0.attributes.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Records the measurement.
    pub fn record(mut self) {
        self.0.attributes.sort();
        host::metrics::record(&self.0);
    }
}
