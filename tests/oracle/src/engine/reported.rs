//! What sdk-core reports to the service as a failed task. Its replay worker has no service and forgets
//! a failure past the end of the replay; its log remembers.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
};

/// What sdk-core logs as it reports a failure.
const MESSAGE: &str = "Failing workflow task";
const FAILURE: &str = "failure";

/// The last failure that was reported.
#[derive(Clone, Debug, Default)]
pub(super) struct Reported {
    failure: Arc<Mutex<Option<String>>>,
}

impl Reported {
    pub(super) fn take(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Subscriber for Reported {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.is_event()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if fields.is_report {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(fields.failure);
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Fields {
    is_report: bool,
    failure: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.is_report = format!("{value:?}") == MESSAGE,
            FAILURE => self.failure = format!("{value:?}"),
            _ => {}
        }
    }
}
