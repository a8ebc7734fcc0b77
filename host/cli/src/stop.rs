//! Stopping a program that runs until it is told to end.
//!
//! Signals have a thread and a runtime of their own, so that they are handled whatever the others do.

use std::{
    io, process,
    sync::mpsc,
    thread::{self, Builder},
    time::Duration,
};

use rustix::process::{Signal as Kill, getpid, kill_process};
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// What shells say of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// How long the last line of the log may take: standard error may be a pipe that is full.
const LAST_LINE_TIMEOUT: Duration = Duration::from_millis(200);

/// How long the process may take to exit after the second signal, before it kills itself.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Cancels the token with the first Ctrl-C (or SIGTERM), and ends the process with the second.
///
/// # Errors
///
/// When the system does not let the process handle signals, or gives no thread.
pub(crate) fn on_signal(shutdown: CancellationToken, grace_period: Duration) -> io::Result<()> {
    let (ready, started) = mpsc::channel();
    Builder::new().name("signals".to_owned()).spawn(move || {
        let listening = runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
            let signals = {
                let _entered = runtime.enter();
                (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
            };
            Ok((runtime, signals))
        });
        match listening {
            Ok((runtime, signals)) => {
                let _ = ready.send(Ok(()));
                runtime.block_on(handle(signals, shutdown, grace_period));
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    })?;
    started.recv().map_err(io::Error::other)?
}

async fn handle(
    (mut interrupt, mut terminate): (Signal, Signal),
    shutdown: CancellationToken,
    grace_period: Duration,
) {
    next(&mut interrupt, &mut terminate).await;
    shutdown.cancel();
    aside(move || {
        tracing::info!(?grace_period, "stopping: what runs may finish; Ctrl-C again stops at once");
    });
    next(&mut interrupt, &mut terminate).await;
    end();
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Ends the process, even if it cannot write its log or a thread holds what `exit` needs.
fn end() -> ! {
    aside(|| {
        thread::sleep(EXIT_TIMEOUT);
        // There is no other way left if this fails.
        let _ = kill_process(getpid(), Kill::KILL);
    });
    // They are in groups of their own, which neither the kernel nor the terminal ends with this process.
    host_activities::process::kill_children();
    let (told, tell) = mpsc::channel();
    aside(move || {
        tracing::warn!("stopped at once");
        let _ = told.send(());
    });
    let _ = tell.recv_timeout(LAST_LINE_TIMEOUT);
    process::exit(INTERRUPTED)
}

/// Runs what may block on a thread of its own. Without a thread it is left out.
fn aside(run: impl FnOnce() + Send + 'static) {
    let _ = Builder::new().spawn(run);
}
