//! Nexus operations: the start, and the handle of a started operation.

mod options;

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::FusedFuture;
use guest_sdk_types::{Failure, Payload, Returned};
use serde::Serialize;

pub use self::options::{
    NexusOperation, NexusOperationCancellationType, NexusOperationOptions, NexusOperationOptionsBuilder,
};
use crate::bindings::workflow::host::activation::NexusStartResolution;
use crate::context::SyncWorkflowContext;
use crate::convert_failure::from_failure;
use crate::error::NexusOperationError;
use crate::host;
use crate::operation::{CancellableFuture, Issued, Operation, decoded, outcome};
use crate::operation_start::{OperationStart, Starting};
use crate::options::opaque_debug;
use crate::outbound_call::OutboundCall;
use crate::pending::{OperationKind, Resolution};
use crate::run_state::RunState;
use crate::workflow_interceptors::{
    CancellableWorkflowOutboundFuture, NexusOperationOutboundResult, OutboundHook, StartNexusOperationInput,
    StartNexusOperationOutput, StartNexusOperationResult,
};

impl<W> SyncWorkflowContext<W> {
    /// Schedules a Nexus operation. The future resolves once the operation has started.
    pub fn start_nexus_operation<T: Returned>(
        &self,
        input: &impl Serialize,
        options: NexusOperationOptions,
    ) -> NexusOperationStart<T> {
        let start = match Payload::from_value(input) {
            Ok(input) => {
                Issued::Sent(OperationStart::new(self.run(), StartNexusOperationInput { input, options }))
            }
            Err(error) => Issued::NotEncoded(Some(error)),
        };
        NexusOperationStart(start, PhantomData)
    }
}

/// The future of a Nexus operation's start.
#[must_use = "futures do nothing unless they are awaited"]
pub struct NexusOperationStart<T>(Issued<OperationStart<StartingOperation>>, PhantomData<fn() -> T>);

struct StartingOperation {
    start: Operation,
    /// Moves into [`StartedNexusOperation`] when the operation has started.
    end: Option<Operation>,
}

impl Starting for StartingOperation {
    type Input = StartNexusOperationInput;

    const HOOK: OutboundHook<Self::Input, CancellableWorkflowOutboundFuture<Self::Output>> =
        |interceptor, context, input, next| interceptor.start_nexus_operation(context, input, next);

    fn issue(run: &RunState, input: StartNexusOperationInput) -> Self {
        let StartNexusOperationInput { input, options } = input;
        let token = options.cancellation_token.clone().unwrap_or_else(|| run.token.clone());
        let seq = host::nexus::schedule(&options.into_command(input));
        // The end is expected from now on: one activation may bring both the start and the end.
        let start = Operation::new(run, (OperationKind::NexusStart, seq), &token);
        let end = Some(Operation::new(run, (OperationKind::Nexus, seq), &token));
        Self { start, end }
    }

    fn start(&self) -> &Operation {
        &self.start
    }
}

impl Future for StartingOperation {
    type Output = StartNexusOperationResult;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<StartNexusOperationResult> {
        let operation_token = match ready!(Pin::new(&mut self.start).poll(context)) {
            Resolution::NexusStart(NexusStartResolution::StartedAsync(token)) => Some(token),
            Resolution::NexusStart(NexusStartResolution::Failed(failure)) => {
                return Poll::Ready(Err(NexusOperationError::of(from_failure(failure))));
            }
            _ => None,
        };
        let end = self.end.take().ok_or_else(|| NexusOperationError::of(Failure::default()));
        Poll::Ready(end.map(|end| {
            let result =
                OutboundCall::Operation(end, |resolution| outcome(resolution, NexusOperationError::of));
            StartNexusOperationOutput { operation_token, result }
        }))
    }
}

impl<T: Returned> Future for NexusOperationStart<T> {
    type Output = Result<StartedNexusOperation<T>, NexusOperationError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let started = Pin::new(ready!(self.0.poll_sent())?).poll(context);
        started.map_ok(|StartNexusOperationOutput { operation_token, result: end }| StartedNexusOperation {
            operation_token,
            end,
            result: PhantomData,
        })
    }
}

impl<T: Returned> FusedFuture for NexusOperationStart<T> {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated(OperationStart::is_terminated)
    }
}

impl<T: Returned> CancellableFuture for NexusOperationStart<T> {
    fn cancel(&self) {
        if let Some(start) = self.0.sent() {
            start.cancel(None);
        }
    }
}

/// A started Nexus operation, and the future of its result.
#[must_use = "futures do nothing unless they are awaited"]
pub struct StartedNexusOperation<T> {
    /// The token that the handler gave to an asynchronous operation; `None` if the operation ended with its
    /// start.
    pub operation_token: Option<String>,
    end: OutboundCall<NexusOperationOutboundResult>,
    result: PhantomData<fn() -> T>,
}

impl<T: Returned> Future for StartedNexusOperation<T> {
    type Output = Result<T, NexusOperationError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.end).poll(context).map(decoded)
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
