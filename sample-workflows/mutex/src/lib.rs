//! A mutex: a workflow whose id names a resource gives it to one workflow after another. They ask for it, are told that
//! they have it, and give it back by signals.

use std::collections::VecDeque;
use std::time::Duration;

use guest_sdk::{
    ChildWorkflowOptions, ChildWorkflowStartError, ContinueAsNewOptions, ParentClosePolicy,
    SignalWorkflowOptions, StartChildWorkflowExecutionFailedCause, SyncWorkflowContext, TimerResult,
    WorkflowCancellationToken, WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination,
    workflow, workflow_methods,
};
use serde::{Deserialize, Serialize};

/// Asks for the resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The workflow that asks.
    pub workflow_id: String,
    /// How long it may have the resource, in seconds. Then the next one gets it, whatever became of this one.
    pub seconds: u64,
}

/// Gives a resource to one workflow at a time. It runs until it is cancelled.
#[workflow]
#[derive(Debug)]
pub struct Mutex {
    waiting: VecDeque<Request>,
    holder: Option<String>,
}

#[workflow_methods]
impl Mutex {
    #[init]
    fn new(_ctx: &WorkflowContextView, waiting: VecDeque<Request>) -> Self {
        Self { waiting, holder: None }
    }

    /// Serves requests in their order.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        loop {
            ctx.wait_condition(|state| !state.waiting.is_empty()).await?;
            if ctx.continue_as_new_suggested() {
                let waiting = ctx.state(|state| state.waiting.clone());
                ctx.continue_as_new(waiting, ContinueAsNewOptions::default())?;
            }
            let Some(request) = ctx.state_mut(|state| state.waiting.pop_front()) else { continue };
            ctx.state_mut(|state| state.holder = Some(request.workflow_id.clone()));
            let holder = ctx.external_workflow(request.workflow_id, None);
            // A workflow that has closed meanwhile cannot be told, and is passed over.
            if holder.signal(Work::acquired, (), SignalWorkflowOptions::default()).await.is_ok() {
                let limit = Duration::from_secs(request.seconds);
                ctx.wait_condition_with_timeout(limit, |state| state.holder.is_none()).await?;
            }
            ctx.state_mut(|state| state.holder = None);
        }
    }

    /// Asks for the resource.
    #[signal]
    pub fn request(&mut self, _ctx: &mut SyncWorkflowContext<Self>, request: Request) {
        self.waiting.push_back(request);
    }

    /// Gives it back, or no longer asks for it.
    #[signal]
    pub fn release(&mut self, _ctx: &mut SyncWorkflowContext<Self>, workflow_id: String) {
        self.waiting.retain(|request| request.workflow_id != workflow_id);
        if self.holder.as_ref() == Some(&workflow_id) {
            self.holder = None;
        }
    }

    /// The workflow that has the resource.
    #[query]
    pub fn holder(&self, _ctx: &WorkflowContextView) -> Option<String> {
        self.holder.clone()
    }
}

/// Works with a resource, alone.
#[workflow]
#[derive(Debug, Default)]
pub struct Work {
    has_resource: bool,
}

#[workflow_methods]
impl Work {
    /// Works for some seconds with the resource of this name. Returns when it began and ended, in seconds since
    /// 1970-01-01 UTC.
    #[run]
    pub async fn run(
        ctx: &mut WorkflowContext<Self>,
        resource: String,
        seconds: u64,
    ) -> WorkflowResult<(u64, u64)> {
        let mutex = format!("mutex-{resource}");
        Self::start_mutex(ctx, &mutex).await?;
        let mutex = ctx.external_workflow(mutex, None);
        let request = Request { workflow_id: ctx.workflow_id().to_owned(), seconds: seconds + 60 };
        mutex.signal(Mutex::request, request, SignalWorkflowOptions::default()).await?;

        let worked = Self::work(ctx, seconds).await;

        // It is given back even if the run was cancelled: the signal has a token of its own.
        let options =
            SignalWorkflowOptions::default().with_cancellation_token(WorkflowCancellationToken::new());
        mutex.signal(Mutex::release, ctx.workflow_id().to_owned(), options).await?;
        worked
    }

    /// The mutex gave it the resource.
    #[signal]
    pub fn acquired(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.has_resource = true;
    }
}

impl Work {
    /// Starts the mutex, unless it runs: a child that goes on when this workflow has ended.
    async fn start_mutex(ctx: &WorkflowContext<Self>, id: &str) -> Result<(), ChildWorkflowStartError> {
        let options =
            ChildWorkflowOptions::workflow_id(id).with_parent_close_policy(ParentClosePolicy::Abandon);
        match ctx.start_child_workflow(Mutex::run, VecDeque::new(), options).await {
            Ok(_)
            | Err(ChildWorkflowStartError::StartFailed {
                cause: StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists,
                ..
            }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn work(ctx: &WorkflowContext<Self>, seconds: u64) -> WorkflowResult<(u64, u64)> {
        ctx.wait_condition(|state| state.has_resource).await?;
        let begin = now(ctx);
        match ctx.timer(Duration::from_secs(seconds)).await {
            TimerResult::Fired => Ok((begin, now(ctx))),
            TimerResult::Cancelled => Err(WorkflowTermination::cancelled()),
        }
    }
}

fn now(ctx: &WorkflowContextView) -> u64 {
    let since = ctx.workflow_time().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_secs())
}

guest_sdk::export!(Mutex, Work);
