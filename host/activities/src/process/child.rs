//! The child's side: one thread reads messages, the main thread runs activities.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use super::protocol::{self, CHILD_ARGUMENT, FromChild, ToChild, VERSION};
use crate::cancel::Cancellation;
use crate::context::ActivityContext;
use crate::executors::call_blocking;
use crate::failure_type;
use crate::info::ActivityTask;
use crate::outcome::{Outcome, failed};
use crate::registry::{Function, Registry};

/// Takes over if this process was started as a child of a pool, and then does not return.
///
/// The first thing that `main` of a program with process activities calls, before it reads arguments or
/// starts a runtime: a child is this program again.
pub fn child_main(registry: &Registry) {
    if std::env::args_os().nth(1).is_none_or(|argument| argument != CHILD_ARGUMENT) {
        return;
    }
    let code = match serve(registry) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("child process for activities: {error} (only a host can start one)");
            1
        }
    };
    std::process::exit(code);
}

/// An attempt to be run.
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
        // Ends the process whatever the activity does: nobody wants its outcome any more.
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

/// Reads messages until the parent is gone.
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
                    format!("activity `{activity}` is async in the child process"),
                );
            }
        },
        Err(error) => return failed(failure_type::NOT_FOUND, format!("in the child process, {error}")),
    };
    let heartbeats = writer.clone();
    let record = move |details| {
        // If the parent is gone, so is this process in a moment.
        let _ = heartbeats.send(&FromChild::Heartbeat { number, details });
    };
    let (context, arguments) = ActivityContext::new(task, cancellation, record);
    call_blocking(function, context, arguments)
}

/// The parent's socket, moved out of the way: activities that read standard input find it empty, and
/// processes that they start do not inherit the socket.
fn take_stdin() -> std::io::Result<OwnedFd> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    Ok(socket)
}

/// Where the system can do it, a child that hangs in the kernel or is stopped ends with its parent too;
/// all others end as the socket closes.
#[cfg(target_os = "linux")]
fn end_with_parent() -> std::io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?)
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent() -> std::io::Result<()> {
    Ok(())
}

/// The socket, for whoever has something to say.
#[derive(Clone)]
struct Writer(Arc<Mutex<UnixStream>>);

impl Writer {
    fn send(&self, message: &FromChild) -> Result<(), protocol::Error> {
        let frame = protocol::frame(message)?;
        let mut socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(socket.write_all(&frame)?)
    }
}
