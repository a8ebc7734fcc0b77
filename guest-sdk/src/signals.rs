//! Signals that no method handles: kept until a handler for their name is set.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use guest_sdk_types::{FromPayloads, Payload, PayloadError, SignalDefinition};

use crate::context::WorkflowContext;

/// Handles the arguments of a signal.
type Handler = Rc<dyn Fn(&[Payload]) -> Result<(), PayloadError>>;

/// Handlers that were set while the workflow runs, and signals that wait for one.
#[derive(Default)]
pub(crate) struct Signals {
    handlers: RefCell<BTreeMap<String, Handler>>,
    /// In the order in which they came. The service bounds it, as it bounds a history.
    kept: RefCell<Vec<(String, Vec<Payload>)>>,
}

impl Signals {
    /// Gives a signal to the handler for its name, or keeps it. Whether there was a handler.
    pub(crate) fn deliver(&self, name: String, arguments: Vec<Payload>) -> Result<bool, PayloadError> {
        let handler = self.handlers.borrow().get(&name).cloned();
        match handler {
            Some(handler) => handler(&arguments).map(|()| true),
            None => {
                self.kept.borrow_mut().push((name, arguments));
                Ok(false)
            }
        }
    }

    /// Sets a handler, and gives it what was kept for it.
    fn set(&self, name: &str, handler: Handler) -> Result<(), PayloadError> {
        self.handlers.borrow_mut().insert(name.to_owned(), Rc::clone(&handler));
        let kept = self.kept.take();
        let (matching, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(|(kept, _)| kept == name);
        self.kept.replace(others);
        matching.iter().try_for_each(|(_, arguments)| handler(arguments))
    }
}

impl<W: 'static> WorkflowContext<W> {
    /// Handles a signal that no method handles, from now on. Signals of that name that came before were
    /// kept, and are handled at once, in their order.
    ///
    /// ```
    /// # use guest_sdk::{PayloadError, UntypedSignal, WorkflowContext};
    /// # struct Counter { value: i64 }
    /// # fn in_a_workflow(ctx: &WorkflowContext<Counter>) -> Result<(), PayloadError> {
    /// ctx.set_signal_handler(UntypedSignal::new("add"), |state, input| {
    ///     if let Ok((amount,)) = input.to_arguments::<(i64,)>() {
    ///         state.value += amount;
    ///     }
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    /// The arguments of a signal that was kept could not be decoded.
    pub fn set_signal_handler<S: SignalDefinition>(
        &self,
        signal: S,
        handler: impl Fn(&mut W, S::Arguments) + 'static,
    ) -> Result<(), PayloadError> {
        let context = self.clone();
        let handle = move |arguments: &[Payload]| {
            let arguments = S::Arguments::from_payloads(arguments)?;
            context.state_mut(|state| handler(state, arguments));
            Ok(())
        };
        self.run().signals.set(signal.name(), Rc::new(handle))
    }
}
