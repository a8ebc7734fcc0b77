//! Signal handlers that a workflow sets while it runs.

use std::rc::Rc;

use guest_sdk_types::{FromPayloads, Payload, PayloadError, SignalDefinition};

use crate::context::WorkflowContext;

impl<W: 'static> WorkflowContext<W> {
    /// Handles a signal that has no `#[signal]` method. Signals of that name that arrived earlier were
    /// buffered, and are handled by this call, in the order of their arrival.
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
    /// The arguments of a buffered signal could not be decoded.
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
        self.run().signals.set_handler(signal.name(), Rc::new(handle))
    }
}
