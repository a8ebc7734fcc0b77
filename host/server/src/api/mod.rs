//! The service around the state: requests in, answers out, long polls between.
//!
//! A request takes the one lock, changes the state, hands the facts to the log and answers once
//! they are on disk. Nothing waits while it holds the lock.

pub(crate) mod activity_tasks;
mod describe_namespace;
mod describe_task_queue;
pub(crate) mod get_workflow_execution_history;
mod service;
pub(crate) mod status;
pub(crate) mod workflow_tasks;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::Instant;
use tonic::{Request, Status};

use crate::shard::{Shard, context::ShardContext};
use crate::{
    Options,
    environment::Environment,
    error::{Error, ExhaustedCause},
    execution::{executions::Executions, record::RunNumber, transition::Transition},
    storage::{Opened, Position, Synced},
};

/// Longest time that a poll is held open.
pub(crate) const LONG_POLL: Duration = Duration::from_secs(60);
/// Longest time that a call waits for something to happen, other than polls.
pub(crate) const LONG_CALL: Duration = Duration::from_secs(20);
/// What is left of a caller's deadline when it is answered.
const DEADLINE_MARGIN: Duration = Duration::from_millis(500);

/// The service, as one kind of caller sees it.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) inner: Arc<ShardContext>,
    /// Whether workers ask from within the process. Their workflow tasks need not wait for the
    /// disk: workflows have no effects of their own, and a crash takes both.
    pub(crate) in_process: bool,
}

impl Service {
    pub(crate) fn new(opened: Opened, options: Options, environment: Environment) -> Self {
        let Opened { storage, found } = opened;
        let executions = Executions::new(options.namespaces, found.archive, found.next_number);
        let mut shard = Shard::new(executions, found.last);
        let lost = shard.resume(&found.in_memory, found.deadlines, environment.clock.now());
        let inner = ShardContext {
            shard: Mutex::new(shard),
            storage,
            environment,
            retention: options.retention,
            deadlines: Arc::default(),
            closing: Arc::default(),
        };
        for number in lost {
            inner.transition(|transition| transition.change(number, |run| run.lose_workers()));
        }
        Self { inner: Arc::new(inner), in_process: false }
    }

    /// The same service for callers within the process.
    pub(crate) fn in_process(&self) -> Self {
        Self { inner: self.inner.clone(), in_process: true }
    }

    /// Makes open polls return, so that nobody waits for the end.
    pub(crate) fn close(&self) {
        self.inner.closing.update(|closing| *closing = true);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Shard> {
        self.inner.lock()
    }

    /// Changes the state and waits until that is on disk. A refusal may have changed something too
    /// (a bad command fails its task), so it waits as well.
    pub(crate) async fn change<R>(
        &self,
        change: impl FnOnce(&mut Transition<'_>) -> Result<R, Error>,
    ) -> Result<R, Status> {
        self.change_with(change, |_, _| {}).await
    }

    /// The same, with something to be done before anybody else sees the change.
    pub(crate) async fn change_with<R>(
        &self,
        change: impl FnOnce(&mut Transition<'_>) -> Result<R, Error>,
        after: impl FnOnce(&mut Shard, &Result<R, Error>),
    ) -> Result<R, Status> {
        self.check_room()?;
        let (result, position) = self.inner.transition_with(change, after);
        self.on_disk(position).await?;
        result.map_err(Status::from)
    }

    /// Refuses what would have to be stored while there is no room.
    pub(crate) fn check_room(&self) -> Result<(), Status> {
        if self.inner.storage.synced().get().is_full() { Err(no_room()) } else { Ok(()) }
    }

    /// Waits until everything up to a position is on disk.
    pub(crate) async fn on_disk(&self, position: Position) -> Result<(), Status> {
        let synced = self.inner.storage.synced();
        if synced.get().position < position {
            self.inner.storage.hurry();
        }
        let over = |synced: Synced| synced.position >= position || synced.is_full() || synced.has_ended;
        let reached = synced.wait_for(over).await;
        if reached.position >= position {
            Ok(())
        } else if reached.has_ended {
            Err(Status::unavailable("the service is shutting down"))
        } else {
            Err(no_room())
        }
    }

    /// Waits until what is known about a run is on disk, so that nobody is shown more.
    pub(crate) async fn run_on_disk(&self, run: RunNumber) -> Result<(), Status> {
        let position = self.lock().position_of(run);
        self.on_disk(position).await
    }

    /// When a call should be answered at the latest: before its own deadline, and `longest` from now.
    pub(crate) fn answer_by<M>(request: &Request<M>, longest: Duration) -> Instant {
        let asked =
            request.metadata().get("grpc-timeout").and_then(|value| grpc_timeout(value.to_str().ok()?));
        let within =
            asked.map_or(longest, |asked| asked.saturating_sub(DEADLINE_MARGIN.min(asked / 2)).min(longest));
        Instant::now() + within
    }

    /// Resolves when open polls should return.
    pub(crate) async fn closed(&self) {
        self.inner.closing.wait_for(|closing| closing).await;
    }
}

fn no_room() -> Status {
    Error::Exhausted { message: "the disk is full".to_owned(), cause: ExhaustedCause::Storage }.into()
}

/// The duration in a `grpc-timeout` header.
fn grpc_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number.saturating_mul(3_600)),
        "M" => Duration::from_secs(number.saturating_mul(60)),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_of_callers() {
        for (header, expected) in [
            ("1H", Some(Duration::from_secs(3_600))),
            ("2M", Some(Duration::from_secs(120))),
            ("10S", Some(Duration::from_secs(10))),
            ("99999999m", Some(Duration::from_millis(99_999_999))),
            ("5u", Some(Duration::from_micros(5))),
            ("7n", Some(Duration::from_nanos(7))),
            ("", None),
            ("S", None),
            ("5", None),
            ("-5S", None),
            ("5\u{e9}", None),
        ] {
            assert_eq!(grpc_timeout(header), expected, "{header}");
        }
    }
}
