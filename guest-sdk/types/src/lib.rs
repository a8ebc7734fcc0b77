//! Payloads, failures, retry policies and the traits of typed calls: the types that guests, activities and
//! clients share.
//!
//! This crate knows neither the contract (WIT) nor the protocol (protobuf): guest and host convert from and
//! to these types. It has no I/O, and depends on serde only, with `payload-converter` on `erased-serde`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test panics on failure"))]

mod application;
mod bytes;
mod causes;
mod conversion;
mod converted;
mod data_converter;
mod definition;
mod failure;
mod interception;
mod named;
mod payload;
#[cfg(feature = "payload-converter")]
mod payload_converter;
mod payload_de;
mod payload_ser;
mod priority;
mod retry;

pub use application::FailureBuilder;
pub use bytes::Bytes;
pub use converted::{Converted, PayloadConverter};
pub use data_converter::{DataConverter, DefaultFailureConverterWithEncodedAttributes, FailureConverter};
pub use definition::{
    ActivityDefinition, Callable, QueryDefinition, Returned, SignalDefinition, UntypedActivity,
    UntypedArguments, UntypedInput, UntypedQuery, UntypedSignal, UntypedUpdate, UntypedWorkflow,
    UpdateDefinition, WorkflowDefinition,
};
pub use failure::{
    ActivityFailure, ApplicationErrorCategory, ApplicationFailure, ApplicationFailureBuilder,
    CanceledFailure, ChildWorkflowFailure, Failure, FailureInfo, MAX_FAILURE_DEPTH, NexusHandlerFailure,
    NexusOperationFailure, NexusRetryBehavior, RetryState, TimeoutFailure, TimeoutType,
};
pub use interception::Next;
pub use named::{NamedQuery, NamedSignal, NamedUpdate, NamedWorkflow};
pub use payload::{
    Encoding, FromPayloads, IntoPayloads, MAX_PAYLOADS_BYTES, Payload, PayloadError, RawValue,
};
#[cfg(feature = "payload-converter")]
pub use payload_converter::{Decode, EncodingPayloadConverter};
pub use priority::Priority;
pub use retry::RetryPolicy;

/// Named payloads: headers, a memo, search attributes. Sorted by name, so that iteration is deterministic.
pub type NamedPayloads = std::collections::BTreeMap<String, Payload>;
