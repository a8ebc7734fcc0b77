#![doc = include_str!("../GUIDE.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test panics on failure"))]

// The macros name this crate by its name.
extern crate self as guest_sdk;

pub mod activities;
#[doc(hidden)]
pub mod bindings;
mod cancellation;
mod child_workflows;
mod commands;
mod component;
mod context;
mod convert;
mod convert_failure;
mod engine;
mod error;
mod executor;
mod external_workflows;
mod futures;
mod host;
mod local_activities;
pub mod log;
mod memo;
mod metadata;
pub mod metrics;
mod nexus;
mod operation;
mod options;
mod panic;
mod random;
mod run;
mod search_attributes;
mod signals;
#[cfg(test)]
mod tests;
mod time;
mod workflow;

pub use activities::{
    ActivityCancellationType, ActivityCloseTimeouts, ActivityHandle, ActivityOptions, ActivityOptionsBuilder,
};
pub use cancellation::{Cancelled, WorkflowCancellationError, WorkflowCancellationToken};
pub use child_workflows::{
    ChildWorkflowCancellationType, ChildWorkflowOptions, ChildWorkflowOptionsBuilder, ChildWorkflowResult,
    ChildWorkflowStart, ParentClosePolicy, StartChildWorkflowExecutionFailedCause, StartedChildWorkflow,
    VersioningOverride, WorkflowIdReusePolicy,
};
pub use commands::{
    ContinueAsNewOptions, ContinueAsNewOptionsBuilder, ContinueAsNewVersioningBehavior, MemoValue,
};
pub use context::{
    ContinueAsNewReason, ContinuedInitiator, DeploymentVersion, Execution, NamespacedExecution,
    SyncWorkflowContext, WaitCondition, WaitConditionOptions, WorkflowContext, WorkflowContextView,
};
pub use error::{
    ActivityExecutionError, ApplicationFailure, CancelExternalWorkflowError, ChildWorkflowExecutionError,
    ChildWorkflowStartError, ContinueAsNewRequest, NexusOperationError, WorkflowResult, WorkflowSignalError,
    WorkflowTermination,
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
    ActivityDefinition, ApplicationErrorCategory, Bytes, Callable, Encoding, Failure, FailureBuilder,
    FailureInfo, FromPayloads, IntoPayloads, NamedPayloads, Payload, PayloadError, Priority, QueryDefinition,
    RawValue, RetryPolicy, RetryState, Returned, SignalDefinition, TimeoutFailure, TimeoutType,
    UntypedActivity, UntypedQuery, UntypedSignal, UntypedUpdate, UntypedWorkflow, UpdateDefinition,
    WorkflowDefinition,
};
pub use local_activities::{LocalActivityOptions, LocalActivityOptionsBuilder};
pub use memo::Memo;
pub use nexus::{
    NexusOperation, NexusOperationCancellationType, NexusOperationOptions, NexusOperationOptionsBuilder,
    NexusOperationStart, StartedNexusOperation,
};
pub use operation::{CancellableFuture, CancellableFutureWithReason};
pub use random::{WorkflowRandomStream, WorkflowRandomValue};
pub use search_attributes::{SearchAttributeKey, SearchAttributeUpdate, SearchAttributes};
pub use time::{Timer, TimerOptions, TimerOptionsBuilder, TimerResult};

/// For the macros only.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings;
    pub use crate::bindings::export_module;
    pub use crate::component::{Component, Module};
    pub use crate::executor::LocalFuture;
    pub use crate::futures::{IsTerminated, MayBeTerminated, Probe};
    pub use crate::workflow::{
        Answer, Definition, Handled, Started, Verdict, WorkflowImplementation, WorkflowType, fallible,
        infallible, verdict,
    };
    #[cfg(not(target_family = "wasm"))]
    pub use host_activities as host;
    pub use wit_bindgen;
}
