//! Inputs and results of outbound calls: those that a workflow makes.

use std::collections::BTreeMap;
use std::convert::Infallible;

use guest_sdk_types::{NamedPayloads, Payload, to_arguments};

use super::CancellableWorkflowOutboundFuture;
use crate::activities::{ActivityOptions, LocalActivityOptions};
use crate::child_workflows::ChildWorkflowOptions;
use crate::continue_as_new::ContinueAsNewOptions;
use crate::error::{
    ActivityExecutionError, CancelExternalWorkflowError, ChildWorkflowExecutionError,
    ChildWorkflowStartError, NexusOperationError, WorkflowSignalError, WorkflowTermination,
};
use crate::external_workflows::SignalWorkflowOptions;
use crate::nexus::NexusOperationOptions;
use crate::outbound_call::OutboundCall;
use crate::timers::TimerOptions;

/// The result of an activity or a local activity. `None` is decoded as null.
pub type ScheduleActivityResult = Result<Option<Payload>, ActivityExecutionError>;

/// A child workflow that has started, or why it has not.
pub type StartChildWorkflowResult = Result<StartChildWorkflowOutput, ChildWorkflowStartError>;

/// The result of a child workflow. `None` is decoded as null.
pub type ChildWorkflowOutboundResult = Result<Option<Payload>, ChildWorkflowExecutionError>;

/// Whether a signal was delivered.
pub type SignalWorkflowResult = Result<(), WorkflowSignalError>;

/// Whether a request to cancel was delivered.
pub type CancelExternalWorkflowResult = Result<(), CancelExternalWorkflowError>;

/// A Nexus operation that has started, or why it has not.
pub type StartNexusOperationResult = Result<StartNexusOperationOutput, NexusOperationError>;

/// The result of a Nexus operation. `None` is decoded as null.
pub type NexusOperationOutboundResult = Result<Option<Payload>, NexusOperationError>;

/// The error with which the `#[run]` method ends, to continue as new.
pub type ContinueAsNewResult = Result<Infallible, WorkflowTermination>;

/// A child workflow that has started.
#[derive(Debug)]
#[non_exhaustive]
pub struct StartChildWorkflowOutput {
    /// The run id of the child.
    pub run_id: String,
    pub(crate) workflow_id: String,
    pub(crate) result: OutboundCall<ChildWorkflowOutboundResult>,
}

impl StartChildWorkflowOutput {
    /// The workflow id of the child.
    #[must_use]
    pub fn workflow_id(&self) -> &str {
        &self.workflow_id
    }

    /// Replaces the future of the child's result.
    #[must_use]
    pub fn map_result(
        self,
        map: impl FnOnce(
            CancellableWorkflowOutboundFuture<ChildWorkflowOutboundResult>,
        ) -> CancellableWorkflowOutboundFuture<ChildWorkflowOutboundResult>,
    ) -> Self {
        Self { result: OutboundCall::Intercepted(map(self.result.into_outbound_future())), ..self }
    }
}

/// A Nexus operation that has started.
#[derive(Debug)]
#[non_exhaustive]
pub struct StartNexusOperationOutput {
    /// The token that the handler gave to an asynchronous operation; `None` if the operation ended with its
    /// start.
    pub operation_token: Option<String>,
    pub(crate) result: OutboundCall<NexusOperationOutboundResult>,
}

impl StartNexusOperationOutput {
    /// Replaces the future of the operation's result.
    #[must_use]
    pub fn map_result(
        self,
        map: impl FnOnce(
            CancellableWorkflowOutboundFuture<NexusOperationOutboundResult>,
        ) -> CancellableWorkflowOutboundFuture<NexusOperationOutboundResult>,
    ) -> Self {
        Self { result: OutboundCall::Intercepted(map(self.result.into_outbound_future())), ..self }
    }
}

/// The workflow that a signal goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalWorkflowTarget {
    /// A child of this run.
    Child {
        /// The workflow id of the child.
        workflow_id: String,
    },
    /// Another workflow.
    External {
        /// The namespace of the workflow.
        namespace: String,
        /// The workflow id.
        workflow_id: String,
        /// The run id; `None` addresses the current run.
        run_id: Option<String>,
    },
}

static NO_HEADERS: NamedPayloads = NamedPayloads::new();
static NO_NEXUS_HEADERS: BTreeMap<String, String> = BTreeMap::new();

/// Defines the input of an outbound call that has arguments, and headers among its options.
macro_rules! inputs {
    ($(
        $(#[$doc:meta])* $name:ident: $options:ty {
            $($(#[$field_doc:meta])* $field:ident, $field_mut:ident: $type:ty => $read:ty;)*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        #[non_exhaustive]
        pub struct $name {
            $(pub(crate) $field: $type,)*
            pub(crate) arguments: Vec<Payload>,
            pub(crate) options: $options,
        }

        impl $name {
            $(
                $(#[$field_doc])*
                #[must_use]
                pub fn $field(&self) -> &$read {
                    &self.$field
                }

                $(#[$field_doc])*
                pub fn $field_mut(&mut self) -> &mut $type {
                    &mut self.$field
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

            /// The headers of the call: those of the options.
            #[must_use]
            pub fn headers(&self) -> &NamedPayloads {
                self.options.headers.as_ref().unwrap_or(&NO_HEADERS)
            }

            /// The headers of the call, to change them.
            pub fn headers_mut(&mut self) -> &mut NamedPayloads {
                self.options.headers.get_or_insert_default()
            }

            /// The options of the call.
            pub fn options(&self) -> &$options {
                &self.options
            }

            /// The options of the call, to change them.
            pub fn options_mut(&mut self) -> &mut $options {
                &mut self.options
            }
        }

        to_arguments! { $name => arguments; }
    )*};
}

inputs! {
    /// The input of [`schedule_activity`](super::WorkflowInterceptor::schedule_activity).
    ScheduleActivityInput: ActivityOptions {
        /// The activity type.
        activity_type, activity_type_mut: String => str;
    }

    /// The input of [`schedule_local_activity`](super::WorkflowInterceptor::schedule_local_activity).
    ScheduleLocalActivityInput: LocalActivityOptions {
        /// The activity type.
        activity_type, activity_type_mut: String => str;
    }

    /// The input of [`start_child_workflow`](super::WorkflowInterceptor::start_child_workflow).
    StartChildWorkflowInput: ChildWorkflowOptions {
        /// The workflow type of the child.
        workflow_type, workflow_type_mut: String => str;
    }

    /// The input of [`signal_workflow`](super::WorkflowInterceptor::signal_workflow).
    SignalWorkflowInput: SignalWorkflowOptions {
        /// The name of the signal.
        signal_name, signal_name_mut: String => str;
        /// The workflow that the signal goes to.
        target, target_mut: SignalWorkflowTarget => SignalWorkflowTarget;
    }

    /// The input of [`continue_as_new`](super::WorkflowInterceptor::continue_as_new).
    ContinueAsNewInput: ContinueAsNewOptions {}
}

/// The input of [`start_timer`](super::WorkflowInterceptor::start_timer).
#[derive(Debug)]
#[non_exhaustive]
pub struct StartTimerInput {
    pub(crate) options: TimerOptions,
}

impl StartTimerInput {
    /// The options of the timer.
    pub fn options(&self) -> &TimerOptions {
        &self.options
    }

    /// The options of the timer, to change them.
    pub fn options_mut(&mut self) -> &mut TimerOptions {
        &mut self.options
    }
}

/// The input of [`cancel_external_workflow`](super::WorkflowInterceptor::cancel_external_workflow).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CancelExternalWorkflowInput {
    /// The workflow id.
    pub workflow_id: String,
    /// The run id; `None` addresses the current run.
    pub run_id: Option<String>,
    /// The reason, if there is one.
    pub reason: Option<String>,
}

/// The input of [`start_nexus_operation`](super::WorkflowInterceptor::start_nexus_operation).
#[derive(Debug)]
#[non_exhaustive]
pub struct StartNexusOperationInput {
    pub(crate) input: Payload,
    pub(crate) options: NexusOperationOptions,
}

impl StartNexusOperationInput {
    /// The input of the operation.
    #[must_use]
    pub fn input(&self) -> &Payload {
        &self.input
    }

    /// The input of the operation, to change it.
    pub fn input_mut(&mut self) -> &mut Payload {
        &mut self.input
    }

    /// The headers of the Nexus request: those of the options.
    #[must_use]
    pub fn headers(&self) -> &BTreeMap<String, String> {
        self.options.headers.as_ref().unwrap_or(&NO_NEXUS_HEADERS)
    }

    /// The headers of the Nexus request, to change them.
    pub fn headers_mut(&mut self) -> &mut BTreeMap<String, String> {
        self.options.headers.get_or_insert_default()
    }

    /// The options of the operation.
    pub fn options(&self) -> &NexusOperationOptions {
        &self.options
    }

    /// The options of the operation, to change them.
    pub fn options_mut(&mut self) -> &mut NexusOperationOptions {
        &mut self.options
    }
}
