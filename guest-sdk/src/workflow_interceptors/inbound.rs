//! Inputs and results of inbound calls: those that the service makes.

use guest_sdk_types::{Failure, NamedPayloads, Payload, to_arguments};

use crate::error::WorkflowResult;

/// The result of the `#[run]` method.
pub type ExecuteWorkflowResult = WorkflowResult<Payload>;

/// The end of a signal handler. An error is one of an interceptor, and fails the workflow task.
pub type HandleSignalResult = Result<(), Box<Failure>>;

/// The result of a query handler.
pub type HandleQueryResult = Result<Payload, Box<Failure>>;

/// Whether an update is accepted: the failure is the reason of the rejection.
pub type ValidateUpdateResult = Result<(), Box<Failure>>;

/// The result of an update handler.
pub type HandleUpdateResult = Result<Payload, Box<Failure>>;

/// The state of a workflow was made. Only [`WorkflowNext::run`](super::WorkflowNext::run) returns one.
#[derive(Debug)]
pub struct InitializeWorkflowOutput(pub(crate) ());

/// Defines the input of an inbound call.
macro_rules! inputs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident),* })*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        #[non_exhaustive]
        pub struct $name {
            $(pub(crate) $field: String,)*
            pub(crate) arguments: Vec<Payload>,
            pub(crate) headers: NamedPayloads,
        }

        impl $name {
            $(
                $(#[$field_doc])*
                #[must_use]
                pub fn $field(&self) -> &str {
                    &self.$field
                }
            )*

            /// The arguments, one payload for each.
            #[must_use]
            pub fn arguments(&self) -> &[Payload] {
                &self.arguments
            }

            /// The arguments, to change them.
            pub fn arguments_mut(&mut self) -> &mut Vec<Payload> {
                &mut self.arguments
            }

            /// The headers of the call.
            #[must_use]
            pub fn headers(&self) -> &NamedPayloads {
                &self.headers
            }

            /// The headers of the call, to change them.
            pub fn headers_mut(&mut self) -> &mut NamedPayloads {
                &mut self.headers
            }
        }

        to_arguments! { $name => arguments; }
    )*};
}

inputs! {
    /// The input of [`initialize_workflow`](super::WorkflowInterceptor::initialize_workflow).
    InitializeWorkflowInput {}

    /// The input of [`execute`](super::WorkflowInterceptor::execute). `headers` of the contexts returns the
    /// headers that the last interceptor passed on.
    ExecuteWorkflowInput {}

    /// The input of [`handle_signal`](super::WorkflowInterceptor::handle_signal).
    HandleSignalInput {
        /// The name of the signal.
        name
    }

    /// The input of [`handle_query`](super::WorkflowInterceptor::handle_query).
    HandleQueryInput {
        /// The name of the query.
        name
    }

    /// The input of [`validate_update`](super::WorkflowInterceptor::validate_update).
    ValidateUpdateInput {
        /// The update id that the client chose.
        id,
        /// The name of the update.
        name
    }

    /// The input of [`handle_update`](super::WorkflowInterceptor::handle_update).
    HandleUpdateInput {
        /// The update id that the client chose.
        id,
        /// The name of the update.
        name
    }
}
