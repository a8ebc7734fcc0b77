//! Which pairs of a state and an event type the machines meet in tests.
//!
//! A test of the whole (`tests/coverage.rs`) runs all others in a process of its own, which appends what it
//! meets to the file that [`FILE`] names.

use std::{
    collections::BTreeSet,
    fmt::{self, Debug},
    fs::OpenOptions,
    io::Write,
    sync::Mutex,
};

use host_wire::{event_type_name, temporal::api::enums::v1::EventType};

/// The environment variable that names the file to append to.
pub(crate) const FILE: &str = "HOST_CORE_REACHED_PAIRS";

static REACHED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A machine took an event in a state. Written as one line.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    machine: String,
    state: String,
    event: EventType,
}

impl Pair {
    pub(crate) fn new<M: ?Sized>(state: impl Debug, event: EventType) -> Self {
        let machine = std::any::type_name::<M>();
        let machine = machine.rsplit("::").next().unwrap_or(machine).to_owned();
        Self { machine, state: format!("{state:?}"), event }
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} + {}", self.machine, self.state, event_type_name(self.event))
    }
}

/// Notes that a pair was met.
pub(crate) fn reach(pair: &Pair) {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let line = pair.to_string();
    let mut reached = REACHED.lock().unwrap();
    if reached.insert(line.clone()) {
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}
