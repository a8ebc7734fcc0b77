#![doc = include_str!("../GUIDE.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test panics on failure"))]

// The macros name this crate `guest_sdk`, in this crate too.
extern crate self as guest_sdk;

pub mod activities;
#[doc(hidden)]
pub mod bindings;
mod buffered_signals;
mod cancellation;
mod child_workflows;
mod component;
mod context;
mod continue_as_new;
mod convert;
mod convert_failure;
mod error;
mod executor;
mod external_workflows;
mod futures;
mod handlers;
mod host;
pub mod log;
mod memo;
mod metadata;
pub mod metrics;
mod nexus;
mod operation;
mod operation_start;
mod options;
mod outbound_call;
mod panic;
mod patches;
mod pending;
#[cfg(feature = "prost")]
mod protobuf;
mod random;
mod run_state;
mod search_attributes;
mod signal_handlers;
#[cfg(test)]
mod tests;
mod timers;
mod upsert;
mod waiting_conditions;
mod workflow;
mod workflow_instance;
pub mod workflow_interceptors;

pub use activities::{
    ActivityCancellationType, ActivityCloseTimeouts, ActivityHandle, ActivityOptions, ActivityOptionsBuilder,
    LocalActivityOptions, LocalActivityOptionsBuilder,
};
pub use cancellation::{Cancelled, WorkflowCancellationError, WorkflowCancellationToken};
pub use child_workflows::{
    ChildWorkflowCancellationType, ChildWorkflowOptions, ChildWorkflowOptionsBuilder, ChildWorkflowResult,
    ChildWorkflowStart, ParentClosePolicy, StartedChildWorkflow, VersioningOverride, WorkflowIdReusePolicy,
};
pub use context::{
    ContinueAsNewReason, ContinuedInitiator, DeploymentVersion, Execution, NamespacedExecution,
    SyncWorkflowContext, WaitCondition, WaitConditionOptions, WorkflowContext, WorkflowContextView,
};
pub use continue_as_new::{
    ContinueAsNewOptions, ContinueAsNewOptionsBuilder, ContinueAsNewVersioningBehavior,
};
#[cfg(feature = "payload-converter")]
pub use erased_serde;
pub use error::{
    ActivityExecutionError, ApplicationFailure, CancelExternalWorkflowError, ChildWorkflowExecutionError,
    ChildWorkflowStartError, ContinueAsNewRequest, NexusOperationError,
    StartChildWorkflowExecutionFailedCause, WorkflowResult, WorkflowSignalError, WorkflowTermination,
};
pub use external_workflows::{
    ExternalCancel, ExternalSignal, ExternalWorkflowHandle, SignalWorkflowOptions,
    SignalWorkflowOptionsBuilder,
};
pub use futures::{JoinAll, join, join_all, select};
pub use guest_sdk_macros::{
    activities, activity, activity_definitions, init, query, run, signal, update, update_validator, workflow,
    workflow_methods,
};
pub use guest_sdk_types::{
    ActivityDefinition, ApplicationErrorCategory, Bytes, Callable, Converted, DataConverter,
    DefaultFailureConverterWithEncodedAttributes, Encoding, Failure, FailureBuilder, FailureConverter,
    FailureInfo, FromPayloads, IntoPayloads, NamedPayloads, Payload, PayloadConverter, PayloadError,
    Priority, QueryDefinition, RawValue, RetryPolicy, RetryState, Returned, SignalDefinition, TimeoutFailure,
    TimeoutType, UntypedActivity, UntypedQuery, UntypedSignal, UntypedUpdate, UntypedWorkflow,
    UpdateDefinition, WorkflowDefinition,
};
#[cfg(feature = "payload-converter")]
pub use guest_sdk_types::{Decode, EncodingPayloadConverter};
pub use memo::Memo;
pub use nexus::{
    NexusOperation, NexusOperationCancellationType, NexusOperationOptions, NexusOperationOptionsBuilder,
    NexusOperationStart, StartedNexusOperation,
};
pub use operation::{CancellableFuture, CancellableFutureWithReason};
#[cfg(feature = "prost")]
pub use protobuf::{ProstJsonSerializable, ProstSerializable};
pub use random::{WorkflowRandomStream, WorkflowRandomValue};
pub use search_attributes::{SearchAttributeKey, SearchAttributeUpdate, SearchAttributes};
pub use timers::{Timer, TimerOptions, TimerOptionsBuilder, TimerResult};
pub use upsert::MemoValue;

/// Items that the macros name.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings;
    pub use crate::bindings::export_module;
    pub use crate::bindings::workflow::host::definition::VersioningBehavior;
    pub use crate::component::{Component, Module};
    pub use crate::executor::LocalFuture;
    pub use crate::futures::{IsTerminated, Lost, LostTimer, MayBeTerminated, Probe};
    pub use crate::workflow::{
        Definition, Handler, HandlerCall, HandlerResult, StartedMethod, ValidationResult,
        WorkflowImplementation, WorkflowType, fallible, infallible, validated,
    };
    pub use crate::workflow_interceptors::interceptor;
    #[cfg(not(target_family = "wasm"))]
    pub use host_activities as host;
    pub use wit_bindgen;
}
