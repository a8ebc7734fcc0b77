//! A workflow that is talked to: handlers that fail, do not end, or take no such arguments; and one that waits for several
//! operations at once.

use std::time::Duration;

use guest_sdk::{
    ActivityOptions, ChildWorkflowOptions, RawValue, SyncWorkflowContext, UntypedActivity, UntypedWorkflow,
    WorkflowContext, WorkflowContextView, WorkflowResult, join, workflow, workflow_methods,
};

/// Waits until it is told to end.
#[workflow]
#[derive(Debug, Default)]
pub struct Talk {
    heard: Vec<u8>,
    ends: bool,
}

#[workflow_methods]
impl Talk {
    /// Returns what it heard.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<u8>> {
        ctx.set_current_details("**listens**");
        ctx.wait_condition(|talk| talk.ends).await?;
        Ok(ctx.state(|talk| talk.heard.clone()))
    }

    /// Takes a number.
    #[signal]
    pub fn hear(&mut self, _ctx: &mut SyncWorkflowContext<Self>, number: u8) {
        self.heard.push(number);
    }

    /// Ends the run.
    #[signal(name = "end", description = "Says goodbye.")]
    pub fn say_goodbye(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.ends = true;
    }

    /// Waits longer than the run takes.
    #[signal]
    pub async fn linger(ctx: &mut WorkflowContext<Self>) {
        ctx.timer(Duration::from_secs(3600)).await;
    }

    /// Waits longer than the run takes, without a warning.
    #[signal(abandon)]
    pub async fn idle(ctx: &mut WorkflowContext<Self>) {
        ctx.timer(Duration::from_secs(3600)).await;
    }

    /// Fails the workflow task, in the second activation.
    #[signal]
    pub async fn stumble(ctx: &mut WorkflowContext<Self>) {
        ctx.timer(Duration::from_millis(1)).await;
        panic!("a stone");
    }

    /// What it heard so far.
    #[query]
    pub fn heard(&self, _ctx: &WorkflowContextView) -> Vec<u8> {
        self.heard.clone()
    }

    /// Takes a number, and returns how many there are.
    #[update]
    pub fn tell(&mut self, _ctx: &mut SyncWorkflowContext<Self>, number: u8) -> usize {
        self.heard.push(number);
        self.heard.len()
    }

    /// Accepts no 0.
    #[update_validator(tell)]
    pub fn check_tell(&self, _ctx: &WorkflowContextView, number: &u8) -> Result<(), String> {
        assert!(*number < 100, "too large a number");
        if *number == 0 { Err("0 is no number here".to_owned()) } else { Ok(()) }
    }
}

/// Waits for a timer, an activity and a child workflow that do not end.
#[workflow]
#[derive(Debug, Default)]
pub struct Waits;

#[workflow_methods]
impl Waits {
    /// Returns nothing, ever.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.timer(Duration::from_millis(1)).await;
        let (_, call, child) = join!(pauses(ctx), calls(ctx), has_child(ctx));
        call?;
        child
    }
}

async fn pauses(ctx: &WorkflowContext<Waits>) {
    ctx.timer(Duration::from_secs(3600)).await;
}

async fn calls(ctx: &WorkflowContext<Waits>) -> WorkflowResult<()> {
    let options =
        ActivityOptions::start_to_close_timeout(Duration::from_secs(3600)).with_task_queue("nobody");
    ctx.execute_activity(UntypedActivity::new("silent"), (), options).await?;
    Ok(())
}

async fn has_child(ctx: &WorkflowContext<Waits>) -> WorkflowResult<()> {
    let id = format!("{}-child", ctx.workflow_id());
    let options = ChildWorkflowOptions::workflow_id(id).with_task_queue("nobody");
    let child = ctx.execute_child_workflow(UntypedWorkflow::new("Silent"), RawValue(Vec::new()), options);
    child.await?;
    Ok(())
}
