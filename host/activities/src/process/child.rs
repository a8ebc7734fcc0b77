//! The child's side of the process pool: a thread reads messages, the main thread runs activities.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use super::protocol::{self, CHILD_ARGUMENT, FromChild, ToChild, VERSION};
use crate::call::call_blocking;
use crate::cancel::Cancellation;
use crate::context::ActivityContext;
use crate::failure_type;
use crate::info::ActivityTask;
use crate::outcome::{Outcome, failed};
use crate::registry::{Function, Registry};

/// Runs activities if this process is a child of a pool; then it exits the process instead of returning.
///
/// The `main` of a program with process activities calls it first, before it reads arguments or starts a
/// runtime.
pub fn child_main(registry: &Registry) {
    if std::env::args_os().nth(1).is_none_or(|argument| argument != CHILD_ARGUMENT) {
        return;
    }
    let code = match serve(registry) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!(
                "child process for activities: {error} (a host starts it, with a socket as standard input)"
            );
            1
        }
    };
    std::process::exit(code);
}

/// An attempt that the parent started.
struct Start {
    number: u64,
    task: ActivityTask,
    cancellation: Cancellation,
}

fn serve(registry: &Registry) -> Result<(), protocol::Error> {
    end_with_parent()?;
    let mut reader = UnixStream::from(take_stdin()?);
    let writer = Writer(Arc::new(Mutex::new(reader.try_clone()?)));
    let ToChild::Hello { version } = protocol::receive_blocking(&mut reader)? else {
        return Err(protocol::Error::Closed);
    };
    writer.send(&FromChild::Hello { version: VERSION })?;
    if version != VERSION {
        return Ok(());
    }
    let (starts, started) = mpsc::channel();
    std::thread::Builder::new().name("activity-parent".to_owned()).spawn(move || {
        // The parent is gone, so the process ends, even if an activity is running.
        let code = match read(&mut reader, &starts) {
            Ok(()) | Err(protocol::Error::Closed) => 0,
            Err(error) => {
                eprintln!("child process for activities: {error}");
                1
            }
        };
        std::process::exit(code);
    })?;
    for Start { number, task, cancellation } in started {
        let outcome = run(registry, &writer, number, task, cancellation);
        writer.send(&FromChild::Ended { number, outcome })?;
    }
    Ok(())
}

/// Reads messages until the parent closes the socket.
fn read(reader: &mut UnixStream, starts: &mpsc::Sender<Start>) -> Result<(), protocol::Error> {
    let mut current: Option<(u64, Cancellation)> = None;
    loop {
        match protocol::receive_blocking(reader)? {
            ToChild::Hello { .. } => {}
            ToChild::Start { number, task } => {
                let cancellation = Cancellation::new();
                current = Some((number, cancellation.clone()));
                if starts.send(Start { number, task: *task, cancellation }).is_err() {
                    return Ok(());
                }
            }
            ToChild::Cancel { number, reason } => {
                if let Some((_, cancellation)) = current.as_ref().filter(|(running, _)| *running == number) {
                    cancellation.cancel(reason);
                }
            }
        }
    }
}

fn run(
    registry: &Registry,
    writer: &Writer,
    number: u64,
    task: ActivityTask,
    cancellation: Cancellation,
) -> Outcome {
    let activity = task.info.activity_type.clone();
    let function = match registry.find(&activity) {
        Ok(definition) => match &definition.function {
            Function::Process(function) | Function::Thread(function) => function,
            Function::Async(_) => {
                return failed(
                    failure_type::NOT_FOUND,
                    format!(
                        "activity `{activity}` is async in the child process, whose program was replaced"
                    ),
                );
            }
        },
        Err(error) => return failed(failure_type::NOT_FOUND, format!("in the child process, {error}")),
    };
    let heartbeats = writer.clone();
    let record = move |details| {
        // Fails if the parent is gone; the reading thread then ends the process.
        let _ = heartbeats.send(&FromChild::Heartbeat { number, details });
    };
    let (context, arguments) = ActivityContext::new(task, cancellation, record);
    call_blocking(function, context, arguments)
}

/// Takes the socket to the parent from standard input, and replaces it by `/dev/null`: an activity that reads
/// standard input finds it empty, and processes that it starts do not inherit the socket.
fn take_stdin() -> std::io::Result<OwnedFd> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    Ok(socket)
}

/// Has the kernel kill this process when the parent ends, so that a stopped process ends too. Without it, the
/// process ends when it reads that the socket is closed.
#[cfg(target_os = "linux")]
fn end_with_parent() -> std::io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?)
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent() -> std::io::Result<()> {
    Ok(())
}

/// Sends messages to the parent, from several threads.
#[derive(Clone)]
struct Writer(Arc<Mutex<UnixStream>>);

impl Writer {
    fn send(&self, message: &FromChild) -> Result<(), protocol::Error> {
        let frame = protocol::frame(message)?;
        let mut socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(socket.write_all(&frame)?)
    }
}
