//! Operations of Nexus services.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::FusedFuture;
use guest_sdk_types::{Failure, Payload, PayloadError, Returned};
use serde::Serialize;

use crate::bindings::workflow::host::activation::NexusStartResolution;
use crate::bindings::workflow::host::nexus as wit;
pub use crate::bindings::workflow::host::nexus::CancellationType as NexusOperationCancellationType;
use crate::bindings::workflow::host::types::Outcome;
use crate::cancellation::WorkflowCancellationToken;
use crate::context::SyncWorkflowContext;
use crate::convert::{duration, from_payload, payload, user_metadata};
use crate::convert_failure::from_failure;
use crate::error::NexusOperationError;
use crate::host;
use crate::operation::{CancellableFuture, Kind, Operation, Resolution};
use crate::options::{opaque_debug, options};

/// Which operation of which service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NexusOperation {
    /// The endpoint, as the service knows it.
    pub endpoint: String,
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
}

options! {
    /// How a Nexus operation is scheduled.
    NexusOperationOptions, NexusOperationOptionsBuilder { operation: NexusOperation } {
        /// How long the operation may take.
        schedule_to_close_timeout, with_schedule_to_close_timeout: Duration;
        /// How long it may take until the operation is started.
        schedule_to_start_timeout, with_schedule_to_start_timeout: Duration;
        /// How long it may take from when the operation was started.
        start_to_close_timeout, with_start_to_close_timeout: Duration;
        /// What cancelling does. Default: cancel the operation, and wait until it has ended.
        cancellation_type, with_cancellation_type: NexusOperationCancellationType;
        /// What cancels the operation. Default: the run's own token.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// Header of the Nexus request.
        headers, with_headers: std::collections::BTreeMap<String, String>;
        /// One line for user interfaces.
        summary, with_summary: String;
    }
}

impl NexusOperationOptions {
    /// Options for an operation.
    pub fn new(operation: NexusOperation) -> Self {
        Self::of(operation)
    }

    /// A builder for an operation.
    pub fn builder(operation: NexusOperation) -> NexusOperationOptionsBuilder {
        NexusOperationOptionsBuilder(Self::of(operation))
    }

    fn into_command(self, input: Payload) -> wit::OperationOptions {
        wit::OperationOptions {
            endpoint: self.operation.endpoint,
            service: self.operation.service,
            operation: self.operation.operation,
            input: Some(payload(input)),
            schedule_to_close_timeout: self.schedule_to_close_timeout.map(duration),
            schedule_to_start_timeout: self.schedule_to_start_timeout.map(duration),
            start_to_close_timeout: self.start_to_close_timeout.map(duration),
            headers: self.headers.unwrap_or_default().into_iter().collect(),
            cancellation_type: self
                .cancellation_type
                .unwrap_or(NexusOperationCancellationType::WaitCancellationCompleted),
            user_metadata: user_metadata(self.summary, None),
        }
    }
}

impl<W> SyncWorkflowContext<W> {
    /// Schedules a Nexus operation. The future gives it once it has started.
    pub fn start_nexus_operation<T: Returned>(
        &self,
        input: &impl Serialize,
        options: NexusOperationOptions,
    ) -> NexusOperationStart<T> {
        let input = match Payload::from_value(input) {
            Ok(input) => input,
            Err(error) => return NexusOperationStart(Start::NotSent(Some(error)), PhantomData),
        };
        let token = options.cancellation_token.clone().unwrap_or_else(|| self.cancellation_token());
        let seq = host::nexus::schedule(&options.into_command(input));
        // The end is expected from now on, as it may come together with the start.
        let start = Operation::new(self.run(), (Kind::NexusStart, seq), &token);
        let end = Some(Operation::new(self.run(), (Kind::Nexus, seq), &token));
        NexusOperationStart(Start::Sent { start, end }, PhantomData)
    }
}

/// A Nexus operation that is to start, and the future of its start.
#[must_use = "futures do nothing unless they are awaited"]
pub struct NexusOperationStart<T>(Start, PhantomData<fn() -> T>);

enum Start {
    /// Its input could not be encoded.
    NotSent(Option<PayloadError>),
    Sent {
        start: Operation,
        end: Option<Operation>,
    },
}

impl<T: Returned> Future for NexusOperationStart<T> {
    type Output = Result<StartedNexusOperation<T>, NexusOperationError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (start, end) = match &mut self.0 {
            Start::NotSent(error) => match error.take() {
                Some(error) => return Poll::Ready(Err(error.into())),
                // Awaited again after its end.
                None => return Poll::Pending,
            },
            Start::Sent { start, end } => (start, end),
        };
        Pin::new(start).poll(context).map(|resolution| {
            let operation_token = match resolution {
                Resolution::NexusStart(NexusStartResolution::StartedAsync(token)) => Some(token),
                Resolution::NexusStart(NexusStartResolution::Failed(failure)) => {
                    return Err(NexusOperationError::of(from_failure(failure)));
                }
                _ => None,
            };
            let end = end.take().ok_or_else(|| NexusOperationError::of(Failure::default()))?;
            Ok(StartedNexusOperation { operation_token, end, result: PhantomData })
        })
    }
}

impl<T: Returned> FusedFuture for NexusOperationStart<T> {
    fn is_terminated(&self) -> bool {
        match &self.0 {
            Start::NotSent(error) => error.is_none(),
            Start::Sent { start, .. } => start.is_terminated(),
        }
    }
}

impl<T: Returned> CancellableFuture for NexusOperationStart<T> {
    fn cancel(&self) {
        if let Start::Sent { start, .. } = &self.0 {
            start.cancel(None);
        }
    }
}

/// A Nexus operation that has started, and the future of its result.
#[must_use = "futures do nothing unless they are awaited"]
pub struct StartedNexusOperation<T> {
    /// The token of an operation that goes on; absent if it ended with its start.
    pub operation_token: Option<String>,
    end: Operation,
    result: PhantomData<fn() -> T>,
}

impl<T: Returned> Future for StartedNexusOperation<T> {
    type Output = Result<T, NexusOperationError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.end).poll(context).map(|resolution| match resolution {
            Resolution::Outcome(Outcome::Completed(result)) => Ok(T::from_payload(result.map(from_payload))?),
            Resolution::Outcome(Outcome::Failed(failure) | Outcome::Canceled(failure)) => {
                Err(NexusOperationError::of(from_failure(failure)))
            }
            // The host answers with the kind of resolution that was asked for.
            _ => Err(NexusOperationError::of(Failure::default())),
        })
    }
}

impl<T: Returned> FusedFuture for StartedNexusOperation<T> {
    fn is_terminated(&self) -> bool {
        self.end.is_terminated()
    }
}

impl<T: Returned> CancellableFuture for StartedNexusOperation<T> {
    fn cancel(&self) {
        self.end.cancel(None);
    }
}

opaque_debug! { NexusOperationStart<T>, StartedNexusOperation<T> }
