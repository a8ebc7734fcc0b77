//! Our side of the benchmark: core alone, and the host with a guest in the sandbox.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use host_core::{ActivityCancellation, Command, Job, Run, RunConfig, Step, Task};
use host_wire::{
    History,
    temporal::api::{command::v1::ScheduleActivityTaskCommandAttributes, common::v1::ActivityType},
};
use host_worker::{
    modules::LoadedModule,
    workflow::replay::{self, Statistics},
};
use oracle::sandboxed;
use prost::Message;

/// The benchmark's workflows in the sandbox.
pub struct Sandboxed {
    module: Arc<LoadedModule>,
}

impl Sandboxed {
    /// Builds and loads the guest.
    pub fn new() -> Result<Self> {
        Ok(Self { module: sandboxed::bench_guest()? })
    }

    /// Replays a history as `host replay` does, from its bytes on.
    pub fn replay(&self, history: &Bytes) -> Result<Statistics> {
        let report = replay::replay(&self.module, &History::decode(history.clone())?);
        if !report.verdict.is_ok() {
            bail!("the host refuses a history: {:?}", report.verdict);
        }
        Ok(report.statistics)
    }
}

/// What a guest of the benchmark does, without a guest: core alone.
pub fn replay_core(history: &Bytes, activities: u32, at_once: bool) -> Result<()> {
    let history = History::decode(history.clone())?;
    let mut run = Run::new(RunConfig { writes_sdk_metadata: true, ..RunConfig::default() });
    run.start_task(Task::replay())?;
    run.feed(history.into_encoded(), true);
    let (mut scheduled, mut resolved) = (0, 0);
    loop {
        match run.next_step()? {
            Step::Activate(activation) => {
                let mut commands = Vec::new();
                for job in activation.jobs {
                    match job {
                        Job::Start(_) => {}
                        Job::ActivityResolved { .. } => resolved += 1,
                        job => bail!("nothing else happens in this history than {job:?}"),
                    }
                }
                let wanted = if at_once { activities } else { activities.min(resolved + 1) };
                commands.extend((scheduled + 1..=wanted).map(schedule));
                scheduled = wanted;
                if resolved == activities {
                    commands.push(Command::CompleteWorkflow(Box::default()));
                }
                run.activated(commands)?;
            }
            Step::Idle => break,
            step => bail!("no replay of this history takes the step {step:?}"),
        }
    }
    (resolved == activities).then_some(()).context("the replay ended early")
}

fn schedule(seq: u32) -> Command {
    Command::ScheduleActivity {
        seq,
        attributes: Box::new(ScheduleActivityTaskCommandAttributes {
            activity_type: Some(ActivityType { name: "echo".to_owned() }),
            ..ScheduleActivityTaskCommandAttributes::default()
        }),
        cancellation: ActivityCancellation::default(),
        user_metadata: None,
    }
}
