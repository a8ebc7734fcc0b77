//! Stopping a program that runs until it is told to end.

use std::{io, process, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What shells say of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Cancels the token with the first Ctrl-C (or SIGTERM), and ends the process with the second.
///
/// # Errors
///
/// When the system does not let the process handle signals.
pub(crate) fn on_signal(shutdown: CancellationToken, grace_period: Duration) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        next(&mut interrupt, &mut terminate).await;
        tracing::info!(?grace_period, "stopping: what runs may finish; Ctrl-C again stops at once");
        shutdown.cancel();
        next(&mut interrupt, &mut terminate).await;
        tracing::warn!("stopped at once");
        process::exit(INTERRUPTED);
    });
    Ok(())
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
