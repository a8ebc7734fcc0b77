//! What a metric is, and how a value of it is recorded.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use metrics::{Key, Label, Level, Metadata, with_recorder};

/// Whether something exports metrics.
static ENABLED: AtomicBool = AtomicBool::new(false);

/// Begins to record. Called once a recorder of the crate `metrics` is installed.
pub fn enable() {
    ENABLED.store(true, Ordering::Relaxed);
}

/// Whether metrics are recorded: what is costly to find out need not be otherwise.
#[must_use]
pub fn is_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// What a metric is, for exporters and for the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name, as it is exported.
    pub name: &'static str,
    /// What kind of values it has.
    pub kind: Kind,
    /// The unit of its values.
    pub unit: Unit,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub description: &'static str,
}

/// The kinds of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A sum that grows.
    Counter,
    /// A value of now.
    Gauge,
    /// A distribution.
    Histogram,
}

/// The units of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Bytes.
    Bytes,
}

/// A sum that grows, with the values of `N` labels.
#[derive(Debug)]
pub struct Counter<const N: usize> {
    pub(crate) name: &'static str,
    pub(crate) labels: [&'static str; N],
}

/// A value of now.
#[derive(Debug)]
pub struct Gauge<const N: usize> {
    pub(crate) name: &'static str,
    pub(crate) labels: [&'static str; N],
}

/// A distribution.
#[derive(Debug)]
pub struct Histogram<const N: usize> {
    pub(crate) name: &'static str,
    pub(crate) labels: [&'static str; N],
}

impl<const N: usize> Counter<N> {
    /// Adds one.
    pub fn count(&self, labels: [&str; N]) {
        self.add(labels, 1);
    }

    /// Adds a number.
    pub fn add(&self, labels: [&str; N], number: u64) {
        if is_enabled() {
            let key = key(self.name, self.labels, labels);
            with_recorder(|recorder| recorder.register_counter(&key, &metadata()).increment(number));
        }
    }

    /// The sum with these labels, for who has counted elsewhere. Nothing is recorded if metrics are enabled later.
    #[must_use]
    pub fn series(&self, labels: [&str; N]) -> CounterSeries {
        CounterSeries(is_enabled().then(|| {
            let key = key(self.name, self.labels, labels);
            with_recorder(|recorder| recorder.register_counter(&key, &metadata()))
        }))
    }
}

/// A sum with the values of its labels.
#[derive(Debug)]
pub struct CounterSeries(Option<metrics::Counter>);

impl CounterSeries {
    /// Raises the sum to what was counted elsewhere.
    pub fn raise_to(&self, sum: u64) {
        if let Some(counter) = &self.0 {
            counter.absolute(sum);
        }
    }
}

impl<const N: usize> Gauge<N> {
    /// The value with these labels, for who sets it often. Nothing is recorded if metrics are enabled later.
    #[must_use]
    pub fn series(&self, labels: [&str; N]) -> GaugeSeries {
        GaugeSeries(is_enabled().then(|| {
            let key = key(self.name, self.labels, labels);
            with_recorder(|recorder| recorder.register_gauge(&key, &metadata()))
        }))
    }

    /// A part of the value with these labels, which is the sum of all parts. Nothing is recorded if metrics are enabled
    /// later.
    #[must_use]
    pub fn part(&self, labels: [&str; N]) -> GaugePart {
        GaugePart { series: self.series(labels), value: 0 }
    }

    /// Adds one until the guard is dropped.
    #[must_use = "it counts as long as the guard lives"]
    pub fn while_held(&self, labels: [&str; N]) -> Held {
        let series = self.series(labels);
        if let Some(gauge) = &series.0 {
            gauge.increment(1.0);
        }
        Held(series)
    }
}

/// A value with the values of its labels.
#[derive(Debug)]
pub struct GaugeSeries(Option<metrics::Gauge>);

impl GaugeSeries {
    /// Replaces the value.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, exact up to 2^53")]
    pub fn set(&self, value: usize) {
        if let Some(gauge) = &self.0 {
            gauge.set(value as f64);
        }
    }
}

/// What one of several adds to a gauge, until it is dropped.
#[derive(Debug)]
pub struct GaugePart {
    series: GaugeSeries,
    value: usize,
}

impl GaugePart {
    /// Replaces this part of the value.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, exact up to 2^53")]
    pub fn set(&mut self, value: usize) {
        let before = std::mem::replace(&mut self.value, value);
        match &self.series.0 {
            Some(gauge) if value > before => gauge.increment((value - before) as f64),
            Some(gauge) if value < before => gauge.decrement((before - value) as f64),
            _ => {}
        }
    }
}

impl Drop for GaugePart {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// One of what a gauge counts.
#[derive(Debug)]
pub struct Held(GaugeSeries);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(gauge) = &self.0.0 {
            gauge.decrement(1.0);
        }
    }
}

impl<const N: usize> Histogram<N> {
    /// Adds how long something took, in milliseconds.
    pub fn took(&self, labels: [&str; N], time: Duration) {
        self.sample(labels, time.as_secs_f64() * 1_000.0);
    }

    /// Adds a sample.
    pub fn sample(&self, labels: [&str; N], value: f64) {
        if is_enabled() {
            let key = key(self.name, self.labels, labels);
            with_recorder(|recorder| recorder.register_histogram(&key, &metadata()).record(value));
        }
    }
}

fn key<const N: usize>(name: &'static str, names: [&'static str; N], values: [&str; N]) -> Key {
    let labels: Vec<Label> =
        names.into_iter().zip(values).map(|(name, value)| Label::new(name, value.to_owned())).collect();
    Key::from_parts(name, labels)
}

/// Where metrics come from, which exporters may filter by.
pub(crate) fn metadata() -> Metadata<'static> {
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()))
}
