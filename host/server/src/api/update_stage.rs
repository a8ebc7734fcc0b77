//! Waiting until an update has reached a stage.

use host_wire::temporal::api::{
    enums::v1::UpdateWorkflowExecutionLifecycleStage as Stage,
    update::v1::{UpdateRef, outcome},
};
use tokio::time::sleep_until;
use tonic::Status;

use crate::{
    api::{context::Context, deadline::Deadline},
    error::Error,
    execution::{
        record::RunNumber,
        run::Run,
        update::{
            reached::{self, Reached},
            state::{UpdateEnd, UpdateNumber},
        },
    },
    shard::{Shard, context::shutting_down},
};

/// An update that a call waits for. It is told how the update ends, until it is dropped.
pub(super) struct AwaitedUpdate<'a> {
    context: &'a Context,
    run: RunNumber,
    reference: UpdateRef,
    /// Set if it waited for a verdict when the call came.
    number: Option<UpdateNumber>,
}

impl<'a> AwaitedUpdate<'a> {
    /// `number` was entered in [`crate::matching::updates::Updates`] for this call.
    pub(super) fn new(
        context: &'a Context,
        run: RunNumber,
        reference: UpdateRef,
        number: Option<UpdateNumber>,
    ) -> Self {
        Self { context, run, reference, number }
    }

    /// The name of the update for later calls.
    pub(super) fn reference(&self) -> &UpdateRef {
        &self.reference
    }

    /// Waits for a stage. What it has reached at the deadline is the answer, unless that deadline is the caller's.
    ///
    /// # Errors
    ///
    /// When the update cannot be decided any more, the caller's deadline passes, or the service ends.
    pub(super) async fn reach(&self, stage: Stage, deadline: Deadline) -> Result<Reached, Status> {
        let watcher = self.context.lock().watch(self.run);
        loop {
            let mut changed = std::pin::pin!(watcher.notified());
            changed.as_mut().enable();
            let read = |shard: &Shard| {
                let run = shard.executions.run(self.run)?;
                Ok((self.run, run.map_or_else(gone, |run| self.reached(shard, run))))
            };
            let reached = self.context.read_run(read).await??;
            if reached.stage as i32 >= stage as i32 {
                return Ok(reached);
            }
            tokio::select! {
                biased;
                () = changed => {}
                () = sleep_until(deadline.at) => {
                    return if deadline.is_of_caller {
                        Err(Status::deadline_exceeded("the update did not get so far in time"))
                    } else {
                        Ok(reached)
                    };
                }
                () = self.context.closed() => return Err(shutting_down()),
            }
        }
    }

    fn reached(&self, shard: &Shard, run: &Run) -> Result<Reached, Error> {
        match self.number.and_then(|number| shard.updates.end(number)) {
            Some(UpdateEnd::Rejected(failure)) => {
                Ok(Reached::completed(outcome::Value::Failure((**failure).clone())))
            }
            Some(UpdateEnd::Aborted(error)) => Err(error.clone()),
            None => reached::of(run, &self.reference.update_id)
                .ok_or_else(|| Error::Unavailable("workflow update was aborted".to_owned())),
        }
    }
}

/// The run was deleted.
fn gone() -> Result<Reached, Error> {
    Err(Error::NotFound("workflow execution not found".to_owned()))
}

impl Drop for AwaitedUpdate<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.context.lock().updates.leave(number);
        }
    }
}
