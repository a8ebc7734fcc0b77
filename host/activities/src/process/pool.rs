//! The parent's side of the process pool: idle child processes, and the run of an activity in one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use guest_sdk_types::Payload;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::time::timeout;

use super::group::Group;
use super::protocol::{self, FromChild, ToChild, VERSION};
use super::spawn::Spawner;
use crate::cancel::Cancellation;
use crate::failure_type;
use crate::info::ActivityTask;
use crate::options::Options;
use crate::outcome::{Outcome, failed};

/// From the close of its socket until a child process is killed.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Child processes that start when they are needed and are reused. The callers hold permits, which limit
/// their number.
#[derive(Debug)]
pub(crate) struct ProcessPool {
    spawner: Spawner,
    start_timeout: Duration,
    idle: Mutex<Vec<Worker>>,
    next_number: AtomicU64,
}

impl ProcessPool {
    /// A pool without child processes.
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            spawner: Spawner::new(options.child_program.clone()),
            start_timeout: options.child_start_timeout,
            idle: Mutex::default(),
            next_number: AtomicU64::new(0),
        }
    }

    /// Runs one attempt in a child process. If the process ends, the attempt fails. Dropping the future kills
    /// the process.
    pub(crate) async fn run(
        &self,
        task: ActivityTask,
        cancellation: &Cancellation,
        record: impl Fn(Vec<Payload>),
    ) -> Outcome {
        let activity = task.info.activity_type.clone();
        let mut worker = match self.worker().await {
            Ok(worker) => worker,
            Err(error) => {
                return failed(
                    failure_type::NO_PROCESS,
                    format!("failed to run activity `{activity}`: {error}"),
                );
            }
        };
        if cancellation.reason().is_some() {
            // The timeout ended, or the host stops, while the child process started.
            self.idle().push(worker);
            return Outcome::Cancelled { details: Vec::new() };
        }
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        match worker.run(number, task, cancellation, record).await {
            Ok(outcome) => {
                self.idle().push(worker);
                outcome
            }
            Err(error) => {
                let end = worker.end(&error).await;
                failed(
                    failure_type::PROCESS_DIED,
                    format!("the child process of activity `{activity}` {end}"),
                )
            }
        }
    }

    /// Ends the idle child processes.
    pub(crate) fn end_idle(&self) {
        self.idle().clear();
    }

    async fn worker(&self) -> Result<Worker, StartError> {
        {
            let mut idle = self.idle();
            // A process that ended or was stopped while it was idle is replaced.
            idle.retain(|worker| worker.group.is_running());
            if let Some(worker) = idle.pop() {
                return Ok(worker);
            }
        }
        let (process, socket) = self.spawner.spawn().await.map_err(StartError::Spawn)?;
        socket.set_nonblocking(true).map_err(StartError::Spawn)?;
        let (reader, writer) = UnixStream::from_std(socket).map_err(StartError::Spawn)?.into_split();
        let group = Group::of(&process).map_err(StartError::Spawn)?;
        let mut worker = Worker { group, process, reader, writer };
        match timeout(self.start_timeout, worker.greet()).await {
            Ok(Ok(VERSION)) => Ok(worker),
            Ok(Ok(theirs)) => Err(StartError::Version(theirs)),
            Ok(Err(error)) => Err(StartError::Ended(worker.end(&error).await)),
            Err(_) => Err(StartError::Silent(self.start_timeout)),
        }
    }

    /// The list stays valid if a thread panics, as no code panics while it holds the lock.
    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why no child process could be started.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("failed to start a child process: {0}")]
    Spawn(std::io::Error),
    #[error(
        "the child process {0} before it was ready; `main` must call \
         `host_activities::process::child_main` before anything else"
    )]
    Ended(String),
    #[error(
        "the child process was not ready within {0:?}; `main` must call \
         `host_activities::process::child_main` before anything else"
    )]
    Silent(Duration),
    #[error(
        "the child process is of another version ({0} instead of {VERSION}), as the program was replaced; \
         restart the host"
    )]
    Version(u32),
}

/// A child process and the socket to it.
#[derive(Debug)]
struct Worker {
    /// Dropped, and so killed, before `process` is.
    group: Group,
    process: Child,
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
}

impl Worker {
    /// Exchanges the first messages. Returns the version of the child process.
    async fn greet(&mut self) -> Result<u32, protocol::Error> {
        send(&mut self.writer, &ToChild::Hello { version: VERSION }).await?;
        match protocol::receive(&mut self.reader).await? {
            FromChild::Hello { version } => Ok(version),
            FromChild::Heartbeat { .. } | FromChild::Ended { .. } => Ok(0),
        }
    }

    async fn run(
        &mut self,
        number: u64,
        task: ActivityTask,
        cancellation: &Cancellation,
        record: impl Fn(Vec<Payload>),
    ) -> Result<Outcome, protocol::Error> {
        send(&mut self.writer, &ToChild::Start { number, task: Box::new(task) }).await?;
        let mut end = std::pin::pin!(read_to_end(&mut self.reader, number, record));
        tokio::select! {
            biased;
            outcome = &mut end => return outcome,
            () = cancellation.cancelled() => {}
        }
        if let Some(reason) = cancellation.reason() {
            send(&mut self.writer, &ToChild::Cancel { number, reason }).await?;
        }
        end.await
    }

    /// How the child process ended: the predicate of a sentence about it. Ends its group.
    async fn end(mut self, error: &protocol::Error) -> String {
        let pid = self.process.id().unwrap_or_default();
        if !matches!(error, protocol::Error::Closed) {
            return format!("(pid {pid}) was killed because of its messages: {error}");
        }
        if !self.group.leader_ends_within(EXIT_TIMEOUT).await {
            return format!("(pid {pid}) was killed because it closed its socket");
        }
        // Waiting for the child process frees the number of its group, which is killed first for this reason.
        drop(self.group);
        match self.process.wait().await {
            Ok(status) => format!("(pid {pid}) ended with {status}"),
            Err(error) => format!("(pid {pid}) ended with an unknown status: {error}"),
        }
    }
}

/// Reads messages until the attempt with this number ends, and records its heartbeats.
async fn read_to_end(
    reader: &mut OwnedReadHalf,
    attempt: u64,
    record: impl Fn(Vec<Payload>),
) -> Result<Outcome, protocol::Error> {
    loop {
        match protocol::receive(reader).await? {
            FromChild::Heartbeat { number, details } if number == attempt => record(details),
            FromChild::Ended { number, outcome } if number == attempt => return Ok(outcome),
            // A thread that an earlier attempt started may still record heartbeats.
            FromChild::Heartbeat { .. } | FromChild::Ended { .. } | FromChild::Hello { .. } => {}
        }
    }
}

async fn send(writer: &mut OwnedWriteHalf, message: &ToChild) -> Result<(), protocol::Error> {
    Ok(writer.write_all(&protocol::frame(message)?).await?)
}
