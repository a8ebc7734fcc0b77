//! Nexus: a workflow that calls operations, the handlers of some, and the workflow that one of them starts.

use std::time::Duration;

use guest_sdk::{
    CancellableFuture as _, Failure, NexusOperation, NexusOperationCancellationType, NexusOperationOptions,
    TimerOptions, WorkflowCancellationToken, WorkflowContext, WorkflowResult, workflow, workflow_methods,
};
use serde::{Deserialize, Serialize};

/// One operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Name of the endpoint.
    pub endpoint: String,
    /// Name of the service.
    pub service: String,
    /// Name of the operation.
    pub operation: String,
    /// What it is given.
    pub input: String,
    /// Schedule-to-close timeout, in milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// The workflow cancels it when a timer of this length fires after its start, in milliseconds.
    #[serde(default)]
    pub cancel_after_ms: Option<u64>,
}

/// Calls operations one after another; returns how each ended.
#[workflow]
#[derive(Debug, Default)]
pub struct Caller;

#[workflow_methods]
impl Caller {
    /// Calls the operations.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, steps: Vec<Step>) -> WorkflowResult<Vec<String>> {
        let mut ended = Vec::new();
        for step in steps {
            ended.push(call(ctx, step).await);
        }
        Ok(ended)
    }
}

async fn call(ctx: &WorkflowContext<Caller>, step: Step) -> String {
    let operation =
        NexusOperation { endpoint: step.endpoint, service: step.service, operation: step.operation };
    let mut options = NexusOperationOptions::new(operation)
        .with_cancellation_type(NexusOperationCancellationType::WaitCancellationCompleted);
    if let Some(timeout) = step.timeout_ms {
        options = options.with_schedule_to_close_timeout(Duration::from_millis(timeout));
    }
    let started = match ctx.start_nexus_operation::<String>(&step.input, options).await {
        Ok(started) => started,
        Err(error) => return format!("not started: {}", text(&error)),
    };
    let how = if started.operation_token.is_some() { "async" } else { "sync" };
    if let Some(after) = step.cancel_after_ms {
        ctx.timer(Duration::from_millis(after)).await;
        started.cancel();
    }
    match started.await {
        Ok(result) => format!("{how}: {result}"),
        Err(error) => format!("{how}, failed: {}", text(&error)),
    }
}

/// An error with what caused it.
fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

/// How a callee ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With a result.
    #[default]
    Completes,
    /// With a failure.
    Fails,
    /// Only when it is cancelled.
    Waits,
}

/// What a callee is given.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Work {
    /// Named in the result.
    pub name: String,
    /// How it ends.
    pub end: End,
}

/// The workflow that a handler starts.
#[workflow]
#[derive(Debug, Default)]
pub struct Callee;

#[workflow_methods]
impl Callee {
    /// Ends as it is told.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, work: Work) -> WorkflowResult<String> {
        if work.end != End::Waits {
            ctx.timer(Duration::from_millis(300)).await;
        }
        match work.end {
            End::Completes => Ok(format!("{} is done", work.name)),
            End::Fails => {
                let failure = Failure::application("Broken", format!("{} is broken", work.name));
                Err(failure.build().into())
            }
            End::Waits => {
                ctx.cancelled().await;
                // So that its caller has heard that the request was taken.
                let token = WorkflowCancellationToken::new();
                let options = TimerOptions::new(Duration::from_millis(300));
                ctx.timer(options.with_cancellation_token(token)).await;
                Err(Failure::canceled("cancelled", Vec::new()).into())
            }
        }
    }
}

/// The handlers of the host.
#[cfg(not(target_family = "wasm"))]
pub fn handlers() -> host::nexus::NexusService {
    use host::client::StartOptions;
    use host::nexus::{HandlerErrorType, NexusError, NexusService};

    NexusService::new("handlers")
        .sync_operation("echo", |_, text: String| async move { Ok(format!("echo of {text}")) })
        .sync_operation("fail", |_, message: String| async move {
            Err::<String, _>(NexusError::failed(Failure::application("Refused", message).build()))
        })
        .sync_operation("refuse", |_, message: String| async move {
            Err::<String, _>(NexusError::handler(HandlerErrorType::BadRequest, message))
        })
        .workflow_run_operation("run", |context, name: String| async move {
            let end = match name.split('-').next() {
                Some("fails") => End::Fails,
                Some("waits") => End::Waits,
                _ => End::Completes,
            };
            let options = StartOptions::new(context.task_queue()).workflow_id(&name);
            context.start_workflow(Callee::run, Work { name, end }, options).await
        })
}
