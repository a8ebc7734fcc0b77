//! Where a run waits for conditions: what it adds to the answer of the query `__stack_trace`. The host knows the operations
//! that are pending by their commands, and conditions have none.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::Location;
use std::rc::Rc;

use guest_sdk_types::Payload;

/// The name of the query, as the host asks a copy of the guest.
pub(crate) const QUERY: &str = "__stack_trace";

type Places = RefCell<BTreeMap<u64, &'static Location<'static>>>;

/// The conditions that a run waits for.
#[derive(Default)]
pub(crate) struct WaitingConditions {
    places: Rc<Places>,
    next: Cell<u64>,
}

/// A condition that is waited for, until it is dropped.
pub(crate) struct Waiting {
    places: Rc<Places>,
    number: u64,
}

impl WaitingConditions {
    /// Waits for a condition from a line of the workflow.
    pub(crate) fn add(&self, place: &'static Location<'static>) -> Waiting {
        let number = self.next.replace(self.next.get() + 1);
        self.places.borrow_mut().insert(number, place);
        Waiting { places: Rc::clone(&self.places), number }
    }

    /// The files and lines, in the order in which the waits began: a list of pairs as JSON.
    pub(crate) fn answer(&self) -> Payload {
        let places = self.places.borrow();
        let places: Vec<_> = places.values().map(|place| (place.file(), place.line())).collect();
        Payload::from_json(serde_json::json!(places).to_string())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.places.borrow_mut().remove(&self.number);
    }
}
