//! Signals without a handler: they are buffered until the workflow sets one for their name.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use guest_sdk_types::{Payload, PayloadError};

/// Handles the arguments of a signal.
pub(crate) type SignalHandler = Rc<dyn Fn(&[Payload]) -> Result<(), PayloadError>>;

/// Handlers that were set while the workflow runs, and the signals that wait for one.
#[derive(Default)]
pub(crate) struct BufferedSignals {
    handlers: RefCell<BTreeMap<String, SignalHandler>>,
    /// In the order in which they arrived. The service bounds their number, as each is an event of the
    /// history.
    buffered: RefCell<Vec<(String, Vec<Payload>)>>,
}

impl BufferedSignals {
    /// Passes a signal to the handler for its name, or buffers it. Returns whether there was a handler.
    pub(crate) fn deliver(&self, name: String, arguments: Vec<Payload>) -> Result<bool, PayloadError> {
        let handler = self.handlers.borrow().get(&name).cloned();
        match handler {
            Some(handler) => handler(&arguments).map(|()| true),
            None => {
                self.buffered.borrow_mut().push((name, arguments));
                Ok(false)
            }
        }
    }

    /// Sets the handler for a name, and passes it the signals that were buffered for that name.
    pub(crate) fn set_handler(&self, name: &str, handler: SignalHandler) -> Result<(), PayloadError> {
        self.handlers.borrow_mut().insert(name.to_owned(), Rc::clone(&handler));
        let buffered = self.buffered.take();
        let (matching, others): (Vec<_>, Vec<_>) = buffered.into_iter().partition(|(other, _)| other == name);
        self.buffered.replace(others);
        matching.iter().try_for_each(|(_, arguments)| handler(arguments))
    }
}
