//! Starts child processes, all from one thread that lives as long as the pool.
//!
//! A child process asks Linux to be killed when its parent ends, which Linux understands as the *thread* that
//! started it. The threads of a runtime may end earlier.

use std::ffi::OsString;
use std::io::{Error, Result};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError, mpsc};

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::protocol::CHILD_ARGUMENT;

/// A request to start a child process.
struct Request {
    runtime: Handle,
    started: oneshot::Sender<Result<(Child, UnixStream)>>,
}

/// The thread that starts child processes. It starts with the first of them.
#[derive(Debug)]
pub(super) struct Spawner {
    program: Option<PathBuf>,
    thread: Mutex<Option<mpsc::Sender<Request>>>,
}

impl Spawner {
    /// Child processes run `program`, or the running program if it is `None`.
    pub(super) fn new(program: Option<PathBuf>) -> Self {
        Self { program, thread: Mutex::new(None) }
    }

    /// Starts a child process. The other end of the socket is its standard input.
    pub(super) async fn spawn(&self) -> Result<(Child, UnixStream)> {
        let (started, start) = oneshot::channel();
        let request = Request { runtime: Handle::current(), started };
        self.thread()?.send(request).map_err(|_| ended())?;
        start.await.map_err(|_| ended())?
    }

    fn thread(&self) -> Result<mpsc::Sender<Request>> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(requests) = &*thread {
            return Ok(requests.clone());
        }
        let (requests, received) = mpsc::channel::<Request>();
        let program = self.program.clone();
        std::thread::Builder::new().name("activity-spawner".to_owned()).spawn(move || {
            for Request { runtime, started } in received {
                let _runtime = runtime.enter();
                // If the caller is gone, the process is killed when its handle is dropped.
                let _ = started.send(spawn(program.clone()));
            }
        })?;
        Ok(thread.insert(requests).clone())
    }
}

fn ended() -> Error {
    Error::other("the thread that starts child processes ended")
}

fn spawn(program: Option<PathBuf>) -> Result<(Child, UnixStream)> {
    let (program, name) = match program {
        Some(program) => (program, None),
        None => this_program()?,
    };
    let (ours, theirs) = UnixStream::pair()?;
    // The standard output of an activity goes to the host's standard error, beside its log.
    let stdout = std::io::stderr().as_fd().try_clone_to_owned()?;
    let mut command = Command::new(program);
    command
        .args([CHILD_ARGUMENT])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(stdout))
        // A process group of its own: Ctrl-C reaches the host only, which lets activities finish.
        .process_group(0)
        .kill_on_drop(true);
    if let Some(name) = name {
        command.arg0(name);
    }
    Ok((command.spawn()?, ours))
}

/// The running program, even if its file was replaced, and the name that it was started by.
#[cfg(target_os = "linux")]
fn this_program() -> Result<(PathBuf, Option<OsString>)> {
    Ok((PathBuf::from("/proc/self/exe"), std::env::args_os().next()))
}

/// The path of the running program.
#[cfg(not(target_os = "linux"))]
fn this_program() -> Result<(PathBuf, Option<OsString>)> {
    Ok((std::env::current_exe()?, None))
}
