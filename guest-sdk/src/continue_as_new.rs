//! Continue-as-new: a new run of the same execution, with an empty history.

mod options;

use std::convert::Infallible;

use guest_sdk_types::{Callable, IntoPayloads};

pub use self::options::{ContinueAsNewOptions, ContinueAsNewOptionsBuilder, ContinueAsNewVersioningBehavior};
use crate::context::SyncWorkflowContext;
use crate::error::{ContinueAsNewRequest, WorkflowTermination};
use crate::workflow::WorkflowImplementation;
use crate::workflow_interceptors::{ContinueAsNewInput, call_outbound};

impl<W> SyncWorkflowContext<W> {
    /// Ends this run and starts a new one of the same execution: `ctx.continue_as_new(input, options)?`.
    ///
    /// # Errors
    /// Always: the error is the [`WorkflowTermination`] that the `#[run]` method returns.
    pub fn continue_as_new(
        &self,
        input: impl Into<<W::Run as Callable>::Input>,
        options: ContinueAsNewOptions,
    ) -> Result<Infallible, WorkflowTermination>
    where
        W: WorkflowImplementation,
    {
        let arguments = W::Run::arguments(input.into()).into_payloads()?;
        call_outbound(
            self.run(),
            ContinueAsNewInput { arguments, options },
            |interceptor, context, input, next| interceptor.continue_as_new(context.info(), input, next),
            |_, input| {
                let request = ContinueAsNewRequest(input.options.into_command(input.arguments));
                Err(WorkflowTermination::ContinueAsNew(Box::new(request)))
            },
        )
    }
}
