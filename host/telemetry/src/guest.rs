//! Metrics of workflows: what guests measure, under the names that they give.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, RandomState},
    sync::{LazyLock, Mutex, PoisonError},
};

use metrics::{Key, Label, Recorder, with_recorder};

use crate::metric::{Kind, is_enabled, metadata};

/// Bytes of a name, of an attribute's key, and of its value.
const MAX_TEXT_BYTES: usize = 100;
/// Attributes of a measurement.
const MAX_ATTRIBUTES: usize = 8;
/// Names and values of attributes with series of their own, for each workflow type.
const MAX_SERIES_OF_TYPE: usize = 1_000;
/// The same for all types together.
const MAX_SERIES: usize = 10_000;
/// Names that are the host's.
const RESERVED: [&str; 7] =
    ["temporal_", "host_", "service_", "workflow_", "persistence_", "process_", "state_transition_"];
/// The labels that the host adds, and what Prometheus keeps for itself.
const RESERVED_LABELS: [&str; 5] = ["namespace", "task_queue", "workflow_type", "le", "quantile"];

/// The instrument that takes a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instrument {
    /// Adds to a sum: a whole number.
    Counter,
    /// Replaces the last value.
    Gauge,
    /// Adds a sample to a distribution.
    Histogram,
}

/// What a workflow measured, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Measurement<'a> {
    /// The namespace of the run.
    pub namespace: &'a str,
    /// The task queue of the run.
    pub task_queue: &'a str,
    /// The type of the workflow.
    pub workflow_type: &'a str,
    /// What takes the value.
    pub instrument: Instrument,
    /// The name that the workflow gave.
    pub name: &'a str,
    /// What it says; empty if the workflow does not tell.
    pub description: &'a str,
    /// The value.
    pub value: f64,
    /// Labels that the workflow adds.
    pub attributes: &'a [(String, String)],
}

/// Why a measurement is not recorded. Each reason is told once for each workflow type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Refused {
    Name,
    OtherKind,
    Attribute,
    Value,
    TooManySeries,
}

impl Refused {
    fn text(self) -> &'static str {
        match self {
            Self::Name => {
                "a name has 1 to 100 letters, digits, `_`, `.` or `-`, begins with a letter or `_`, and not as the \
                 host's own do (`temporal_`, `host_`, `service_`, `workflow_`, `persistence_`, `process_`)"
            }
            Self::OtherKind => "the name is that of another instrument",
            Self::Attribute => {
                "a measurement has at most 8 attributes, whose keys are no labels of the host (`namespace`, \
                 `task_queue`, `workflow_type`) and are written as names are, each once, and whose values have at most \
                 100 bytes"
            }
            Self::Value => "a value is finite, and that of a counter a whole number from 0 on",
            Self::TooManySeries => "a workflow type has at most 1000 series, a host 10000",
        }
    }
}

/// What guests have measured so far.
#[derive(Debug, Default)]
struct Known {
    kinds: BTreeMap<String, Kind>,
    /// Of each workflow type, by a hash that no guest can know.
    series: BTreeMap<String, BTreeSet<u64>>,
    hasher: RandomState,
    /// Series of all types.
    total: usize,
    told: BTreeSet<(String, Refused)>,
}

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// Records what a workflow measured. One that cannot be recorded is dropped; the log says why, once for each workflow
/// type and reason.
pub fn record(measurement: &Measurement<'_>) {
    if !is_enabled() {
        return;
    }
    let refused = with_recorder(|recorder| record_with(recorder, &KNOWN, measurement).err());
    let Some(refused) = refused else { return };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let workflow_type = measurement.workflow_type;
    // As many types as have series are told of.
    if known.told.len() < MAX_SERIES && known.told.insert((workflow_type.to_owned(), refused)) {
        tracing::warn!(
            workflow_type,
            metric = measurement.name.chars().take(MAX_TEXT_BYTES).collect::<String>(),
            reason = refused.text(),
            "a measurement of a workflow is dropped, and further ones for this reason"
        );
    }
}

fn record_with(
    recorder: &dyn Recorder,
    known: &Mutex<Known>,
    measurement: &Measurement<'_>,
) -> Result<(), Refused> {
    let Measurement { namespace, task_queue, workflow_type, instrument, name, value, attributes, .. } =
        *measurement;
    let name = written_name(name)?;
    let attributes = written_attributes(attributes)?;
    let is_count = value >= 0.0 && value.fract() == 0.0 && value < 9_007_199_254_740_992.0;
    if !value.is_finite() || instrument == Instrument::Counter && !is_count {
        return Err(Refused::Value);
    }
    let own = [("namespace", namespace), ("task_queue", task_queue), ("workflow_type", workflow_type)];
    let series = (name.clone(), attributes.clone());
    let mut labels: Vec<Label> =
        own.into_iter().map(|(name, value)| Label::new(name, value.to_owned())).collect();
    labels.extend(attributes.into_iter().map(|(name, value)| Label::new(name, value.to_owned())));
    let key = Key::from_parts(name.clone(), labels);
    let kind = match instrument {
        Instrument::Counter => Kind::Counter,
        Instrument::Gauge => Kind::Gauge,
        Instrument::Histogram => Kind::Histogram,
    };
    let is_new = known.lock().unwrap_or_else(PoisonError::into_inner).admit(workflow_type, kind, &series)?;
    let describes = is_new && !measurement.description.is_empty();
    let description = || measurement.description.chars().take(MAX_TEXT_BYTES).collect::<String>().into();
    match instrument {
        Instrument::Counter => {
            if describes {
                recorder.describe_counter(name.into(), None, description());
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
            recorder.register_counter(&key, &metadata()).increment(value as u64);
        }
        Instrument::Gauge => {
            if describes {
                recorder.describe_gauge(name.into(), None, description());
            }
            recorder.register_gauge(&key, &metadata()).set(value);
        }
        Instrument::Histogram => {
            if describes {
                recorder.describe_histogram(name.into(), None, description());
            }
            recorder.register_histogram(&key, &metadata()).record(value);
        }
    }
    Ok(())
}

impl Known {
    /// Takes note of a series. Whether its name is new.
    fn admit(
        &mut self,
        workflow_type: &str,
        kind: Kind,
        series: &(String, Vec<(String, &str)>),
    ) -> Result<bool, Refused> {
        let name = &series.0;
        match self.kinds.get(name) {
            Some(known) if *known != kind => return Err(Refused::OtherKind),
            _ => {}
        }
        let hash = self.hasher.hash_one(series);
        let of_type = self.series.get(workflow_type);
        if of_type.is_some_and(|series| series.contains(&hash)) {
            return Ok(false);
        }
        if self.total >= MAX_SERIES || of_type.is_some_and(|series| series.len() >= MAX_SERIES_OF_TYPE) {
            return Err(Refused::TooManySeries);
        }
        self.series.entry(workflow_type.to_owned()).or_default().insert(hash);
        self.total += 1;
        Ok(self.kinds.insert(name.clone(), kind).is_none())
    }
}

/// A name as Prometheus has it: two that become one are one.
fn written_name(name: &str) -> Result<String, Refused> {
    let written = written(name).ok_or(Refused::Name)?;
    let reserved = RESERVED.iter().any(|prefix| written.starts_with(prefix));
    if reserved { Err(Refused::Name) } else { Ok(written) }
}

fn written_attributes(attributes: &[(String, String)]) -> Result<Vec<(String, &str)>, Refused> {
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(Refused::Attribute);
    }
    let mut all: Vec<(String, &str)> = Vec::new();
    for (name, value) in attributes {
        let name = written(name).ok_or(Refused::Attribute)?;
        let taken = RESERVED_LABELS.contains(&name.as_str()) || all.iter().any(|(other, _)| *other == name);
        if taken || value.len() > MAX_TEXT_BYTES {
            return Err(Refused::Attribute);
        }
        all.push((name, value));
    }
    Ok(all)
}

/// `.` and `-`, which names of OpenTelemetry may have, are `_` in Prometheus.
fn written(name: &str) -> Option<String> {
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let rest = name.chars().all(|each| each.is_ascii_alphanumeric() || matches!(each, '_' | '.' | '-'));
    (begins && rest && name.len() <= MAX_TEXT_BYTES).then(|| name.replace(['.', '-'], "_"))
}

#[cfg(test)]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    fn measurement<'a>(instrument: Instrument, name: &'a str, value: f64) -> Measurement<'a> {
        Measurement {
            namespace: "default",
            task_queue: "q",
            workflow_type: "Order",
            instrument,
            name,
            description: "",
            value,
            attributes: &[],
        }
    }

    #[test]
    fn values_are_recorded_with_the_labels_of_the_run() {
        let recorder = DebuggingRecorder::new();
        let snapshots = recorder.snapshotter();
        let known = Mutex::default();
        let attributes = [("country".to_owned(), "de".to_owned())];
        for (instrument, name, value) in [
            (Instrument::Counter, "orders", 2.0),
            (Instrument::Counter, "orders", 3.0),
            (Instrument::Gauge, "shelf", 1.5),
            (Instrument::Histogram, "weight", 0.25),
        ] {
            let measured = Measurement { attributes: &attributes, ..measurement(instrument, name, value) };
            record_with(&recorder, &known, &measured).unwrap();
        }
        let mut seen: Vec<String> = Vec::new();
        for (key, _, _, value) in snapshots.snapshot().into_vec() {
            let labels: Vec<String> =
                key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            let value = match value {
                DebugValue::Counter(value) => value.to_string(),
                DebugValue::Gauge(value) => value.to_string(),
                DebugValue::Histogram(values) => format!("{values:?}"),
            };
            seen.push(format!("{} {} {value}", key.key().name(), labels.join(",")));
        }
        seen.sort();
        let labels = "namespace=default,task_queue=q,workflow_type=Order,country=de";
        let expected = ["orders", "shelf", "weight"].into_iter().zip(["5", "1.5", "[0.25]"]);
        let expected: Vec<String> =
            expected.map(|(name, value)| format!("{name} {labels} {value}")).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_cannot_be_recorded_is_refused() {
        let recorder = DebuggingRecorder::new();
        let known = Mutex::default();
        let check = |measured: &Measurement<'_>, refused: Option<Refused>| {
            assert_eq!(record_with(&recorder, &known, measured).err(), refused, "{measured:?}");
        };
        fn counter(name: &str, value: f64) -> Measurement<'_> {
            measurement(Instrument::Counter, name, value)
        }
        check(&counter("orders", 1.0), None);
        for name in ["", "1st", "a b", "a\u{1b}", "temporal_request", "service.requests", "über"] {
            check(&counter(name, 1.0), Some(Refused::Name));
        }
        let long = "n".repeat(101);
        check(&counter(&long, 1.0), Some(Refused::Name));
        for value in [-1.0, 0.5, f64::NAN, f64::INFINITY, 1e300] {
            check(&counter("orders", value), Some(Refused::Value));
        }
        check(&measurement(Instrument::Gauge, "level", f64::NAN), Some(Refused::Value));
        check(&measurement(Instrument::Gauge, "orders", 1.0), Some(Refused::OtherKind));
        let attribute = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
        for attributes in [attribute("namespace", "x"), attribute("", "x"), attribute("k", &"v".repeat(101))]
        {
            check(
                &Measurement { attributes: &attributes, ..counter("orders", 1.0) },
                Some(Refused::Attribute),
            );
        }
        let twice = [attribute("k.l", "1"), attribute("k_l", "2")].concat();
        check(&Measurement { attributes: &twice, ..counter("orders", 1.0) }, Some(Refused::Attribute));
    }

    #[test]
    fn series_have_a_limit() {
        let recorder = DebuggingRecorder::new();
        let known = Mutex::default();
        let one = |workflow_type: &str, number: usize| {
            let attributes = [("number".to_owned(), number.to_string())];
            let measured = Measurement {
                workflow_type,
                attributes: &attributes,
                ..measurement(Instrument::Counter, "orders", 1.0)
            };
            record_with(&recorder, &known, &measured)
        };
        for number in 0..MAX_SERIES_OF_TYPE {
            one("Order", number).unwrap();
        }
        assert_eq!(one("Order", MAX_SERIES_OF_TYPE), Err(Refused::TooManySeries));
        one("Order", 7).unwrap();
        for other in 1..MAX_SERIES / MAX_SERIES_OF_TYPE {
            for number in 0..MAX_SERIES_OF_TYPE {
                one(&format!("Other{other}"), number).unwrap();
            }
        }
        assert_eq!(one("Last", 0), Err(Refused::TooManySeries));
    }
}
