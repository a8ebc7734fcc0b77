//! Nexus operations: options, the start, and the handle of a started operation.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::FusedFuture;
use guest_sdk_types::{Failure, Payload, Returned};
use serde::Serialize;

use crate::bindings::workflow::host::activation::NexusStartResolution;
use crate::bindings::workflow::host::nexus as wit;
pub use crate::bindings::workflow::host::nexus::CancellationType as NexusOperationCancellationType;
use crate::cancellation::WorkflowCancellationToken;
use crate::context::SyncWorkflowContext;
use crate::convert::{duration, payload, user_metadata};
use crate::convert_failure::from_failure;
use crate::error::NexusOperationError;
use crate::host;
use crate::operation::{CancellableFuture, Issued, Operation, call_result};
use crate::options::{opaque_debug, options};
use crate::pending::{OperationKind, Resolution};

/// Names an operation of a Nexus service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NexusOperation {
    /// The Nexus endpoint, as it is registered at the Temporal Service.
    pub endpoint: String,
    /// The Nexus service behind the endpoint.
    pub service: String,
    /// The operation of that service.
    pub operation: String,
}

options! {
    /// Options of a Nexus operation.
    NexusOperationOptions, NexusOperationOptionsBuilder { operation: NexusOperation } {
        /// From scheduling to the end of the operation. Default: no limit.
        schedule_to_close_timeout, with_schedule_to_close_timeout: Duration;
        /// From scheduling to the start of the operation. Default: no limit.
        schedule_to_start_timeout, with_schedule_to_start_timeout: Duration;
        /// From the start to the end of an operation that started asynchronously. Default: no limit.
        start_to_close_timeout, with_start_to_close_timeout: Duration;
        /// When the futures of a cancelled operation resolve. Default: `WaitCancellationCompleted`, when the
        /// operation has ended.
        cancellation_type, with_cancellation_type: NexusOperationCancellationType;
        /// The token that cancels the operation. Default: the token of the run.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// Headers of the Nexus request.
        headers, with_headers: std::collections::BTreeMap<String, String>;
        /// One line that user interfaces show.
        summary, with_summary: String;
    }
}

impl NexusOperationOptions {
    /// Options of `operation`, with nothing else set.
    pub fn new(operation: NexusOperation) -> Self {
        Self::of(operation)
    }

    /// A builder of options of `operation`.
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
    /// Schedules a Nexus operation. The future resolves once the operation has started.
    pub fn start_nexus_operation<T: Returned>(
        &self,
        input: &impl Serialize,
        options: NexusOperationOptions,
    ) -> NexusOperationStart<T> {
        let input = match Payload::from_value(input) {
            Ok(input) => input,
            Err(error) => return NexusOperationStart(Issued::NotEncoded(Some(error)), PhantomData),
        };
        let token = options.cancellation_token.clone().unwrap_or_else(|| self.cancellation_token());
        let seq = host::nexus::schedule(&options.into_command(input));
        // The end is expected from now on: one activation may bring both the start and the end.
        let start = Operation::new(self.run(), (OperationKind::NexusStart, seq), &token);
        let end = Some(Operation::new(self.run(), (OperationKind::Nexus, seq), &token));
        NexusOperationStart(Issued::Sent(StartingOperation { start, end }), PhantomData)
    }
}

/// The future of a Nexus operation's start.
#[must_use = "futures do nothing unless they are awaited"]
pub struct NexusOperationStart<T>(Issued<StartingOperation>, PhantomData<fn() -> T>);

struct StartingOperation {
    start: Operation,
    /// Moves into [`StartedNexusOperation`] when the operation has started.
    end: Option<Operation>,
}

impl<T: Returned> Future for NexusOperationStart<T> {
    type Output = Result<StartedNexusOperation<T>, NexusOperationError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let starting = ready!(self.0.poll_sent())?;
        let operation_token = match ready!(Pin::new(&mut starting.start).poll(context)) {
            Resolution::NexusStart(NexusStartResolution::StartedAsync(token)) => Some(token),
            Resolution::NexusStart(NexusStartResolution::Failed(failure)) => {
                return Poll::Ready(Err(NexusOperationError::of(from_failure(failure))));
            }
            _ => None,
        };
        let end = starting.end.take().ok_or_else(|| NexusOperationError::of(Failure::default()));
        Poll::Ready(end.map(|end| StartedNexusOperation { operation_token, end, result: PhantomData }))
    }
}

impl<T: Returned> FusedFuture for NexusOperationStart<T> {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated(|starting| starting.start.is_terminated())
    }
}

impl<T: Returned> CancellableFuture for NexusOperationStart<T> {
    fn cancel(&self) {
        if let Some(starting) = self.0.sent() {
            starting.start.cancel(None);
        }
    }
}

/// A started Nexus operation, and the future of its result.
#[must_use = "futures do nothing unless they are awaited"]
pub struct StartedNexusOperation<T> {
    /// The token that the handler gave to an asynchronous operation; `None` if the operation ended with its
    /// start.
    pub operation_token: Option<String>,
    end: Operation,
    result: PhantomData<fn() -> T>,
}

impl<T: Returned> Future for StartedNexusOperation<T> {
    type Output = Result<T, NexusOperationError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let resolution = ready!(Pin::new(&mut self.end).poll(context));
        Poll::Ready(call_result(resolution, NexusOperationError::of))
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
