//! One attempt from start to outcome: heartbeats, timeouts and cancellation.
//!
//! Owns everything around the function of the activity; [`crate::executors`] runs the function.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use guest_sdk_types::Payload;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::cancel::{CancelReason, Cancellation};
use crate::failure_type;
use crate::heartbeat::{HeartbeatAnswer, Throttle};
use crate::outcome::{Outcome, failed};
use crate::registry::ExecutorKind;
use crate::timers::Timers;

/// From the end of an attempt until the attempt to send its last heartbeat is given up.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The shutdown of a host, from its point of view on activities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ShutdownPhase {
    /// No shutdown.
    Running,
    /// Activities are cancelled with [`CancelReason::WorkerShutdown`].
    Stopping,
    /// Activities that still run are dropped.
    Leaving,
}

/// The answer to a heartbeat that is being sent.
pub(crate) type Sending = Pin<Box<dyn Future<Output = HeartbeatAnswer> + Send>>;

/// What an attempt is driven with.
pub(crate) struct Attempt {
    pub(crate) activity_type: String,
    pub(crate) kind: ExecutorKind,
    pub(crate) cancellation: Cancellation,
    /// The heartbeat details that the activity recorded last.
    pub(crate) recorded: watch::Receiver<Option<Vec<Payload>>>,
    /// Sends a heartbeat with these details.
    pub(crate) send: Box<dyn Fn(Vec<Payload>) -> Sending + Send + Sync>,
    pub(crate) throttle: Throttle,
    pub(crate) timers: Timers,
    pub(crate) phase: watch::Receiver<ShutdownPhase>,
    /// Why the worker stops the attempt, once it does. `None` where only the service can.
    pub(crate) stop: Option<watch::Receiver<Option<CancelReason>>>,
    /// See [`crate::Options::cancel_grace`].
    pub(crate) cancel_grace: Duration,
    /// From the end of a timeout until a child process is killed.
    pub(crate) kill_grace: Duration,
}

/// The events of an attempt.
enum Event {
    Ended(Outcome),
    Stopped(CancelReason),
    Shutdown(ShutdownPhase),
    Answered(HeartbeatAnswer),
    TimedOut,
    GraceOver,
    HeartbeatDue,
    Recorded,
}

/// The state of an attempt between two events.
struct Waiting {
    sending: Option<Sending>,
    /// When the attempt is dropped, if it was cancelled and does not end.
    drop_at: Option<Instant>,
    /// Set when the service has given the attempt up: the outcome is not reported.
    lost: Option<CancelReason>,
    phase: ShutdownPhase,
}

impl Attempt {
    /// Drives the attempt until its outcome. `body` runs the activity; dropping it aborts a task and kills a
    /// child process, but does not end a thread.
    pub(crate) async fn run(mut self, body: impl Future<Output = Outcome>) -> Outcome {
        let mut waiting = Waiting { sending: None, drop_at: None, lost: None, phase: ShutdownPhase::Running };
        let outcome = {
            let mut body = std::pin::pin!(body);
            loop {
                match self.next(&mut waiting, body.as_mut()).await {
                    Event::Ended(outcome) => break outcome,
                    // The reason of the cancellation decides what is reported.
                    event @ (Event::GraceOver | Event::Shutdown(ShutdownPhase::Leaving)) => {
                        if matches!(event, Event::Shutdown(_)) {
                            self.cancellation.cancel(CancelReason::WorkerShutdown);
                        }
                        tracing::warn!(
                            activity = self.activity_type,
                            "activity dropped, because it did not stop in time"
                        );
                        break Outcome::Cancelled { details: Vec::new() };
                    }
                    Event::Shutdown(phase) => {
                        waiting.phase = phase;
                        self.stop(&mut waiting, CancelReason::WorkerShutdown);
                    }
                    Event::Stopped(reason) => self.stop(&mut waiting, reason),
                    Event::Answered(answer) => self.answered(&mut waiting, answer),
                    Event::TimedOut => self.stop(&mut waiting, CancelReason::TimedOut),
                    Event::HeartbeatDue => {
                        waiting.sending = self.throttle.elapsed(Instant::now()).map(&self.send);
                    }
                    Event::Recorded => {
                        let details = self.recorded.borrow_and_update().clone().unwrap_or_default();
                        if let Some(details) = self.throttle.record(details, Instant::now()) {
                            waiting.sending = Some((self.send)(details));
                        }
                    }
                }
            }
        };
        self.settle(waiting, outcome).await
    }

    async fn next(&mut self, waiting: &mut Waiting, body: Pin<&mut impl Future<Output = Outcome>>) -> Event {
        let timeout = self.timers.due().filter(|_| waiting.lost.is_none());
        tokio::select! {
            biased;
            outcome = body => Event::Ended(outcome),
            reason = next_stop(&mut self.stop) => Event::Stopped(reason),
            phase = next_phase(&mut self.phase, waiting.phase) => Event::Shutdown(phase),
            answer = answer(&mut waiting.sending) => Event::Answered(answer),
            () = at(timeout) => Event::TimedOut,
            () = at(waiting.drop_at) => Event::GraceOver,
            () = at(self.throttle.due()) => Event::HeartbeatDue,
            () = changed(&mut self.recorded) => Event::Recorded,
        }
    }

    fn answered(&mut self, waiting: &mut Waiting, answer: HeartbeatAnswer) {
        waiting.sending = None;
        self.throttle.answered();
        match answer {
            HeartbeatAnswer::Recorded => self.timers.heartbeat_recorded(Instant::now()),
            HeartbeatAnswer::Stop(reason) => {
                self.timers.heartbeat_recorded(Instant::now());
                self.stop(waiting, reason);
            }
            HeartbeatAnswer::Failed(error) => {
                tracing::warn!(activity = self.activity_type, error, "failed to send a heartbeat");
            }
        }
    }

    fn stop(&mut self, waiting: &mut Waiting, reason: CancelReason) {
        self.cancellation.cancel(reason);
        if reason.is_lost() {
            waiting.lost = Some(reason);
        }
        let grace = match (self.kind, reason) {
            (ExecutorKind::Process, CancelReason::TimedOut) => self.kill_grace,
            (ExecutorKind::Process, _) => self.cancel_grace,
            (ExecutorKind::Async | ExecutorKind::Thread, reason) if reason.is_lost() => self.cancel_grace,
            (ExecutorKind::Async | ExecutorKind::Thread, _) => return,
        };
        let drop_at = Instant::now().checked_add(grace);
        waiting.drop_at = [waiting.drop_at, drop_at].into_iter().flatten().min();
    }

    /// Sends the last heartbeat where the report does not contain it, and returns the outcome to report.
    async fn settle(mut self, waiting: Waiting, outcome: Outcome) -> Outcome {
        if let Some(reason) = waiting.lost {
            return Outcome::Lost(reason);
        }
        let last = {
            let last = self.recorded.borrow_and_update();
            last.has_changed().then(|| last.clone()).flatten()
        };
        let unsent = match last {
            Some(details) => Some(details),
            None => self.throttle.into_unsent(),
        };
        let last_details = self.recorded.borrow().clone().unwrap_or_default();
        let reason = self.cancellation.reason();
        let settled = settled(&self.activity_type, outcome, reason, last_details);
        if matches!(settled, Outcome::Cancelled { .. } | Outcome::WillCompleteAsync) {
            // The report of a failure contains the last details; the others do not.
            let flush = async {
                if let Some(sending) = waiting.sending {
                    sending.await;
                }
                if let Some(details) = unsent {
                    (self.send)(details).await;
                }
            };
            if timeout(FLUSH_TIMEOUT, flush).await.is_err() {
                tracing::warn!(activity = self.activity_type, "failed to send the last heartbeat in time");
            }
        }
        settled
    }
}

/// The outcome to report. An activity that ends as cancelled is reported as canceled only if cancellation was
/// requested; otherwise the reason decides.
fn settled(
    activity: &str,
    outcome: Outcome,
    reason: Option<CancelReason>,
    last_heartbeat_details: Vec<Payload>,
) -> Outcome {
    let outcome = match (outcome, reason) {
        (outcome @ Outcome::Cancelled { .. }, Some(CancelReason::Requested)) => outcome,
        (Outcome::Cancelled { .. }, Some(reason @ (CancelReason::TimedOut | CancelReason::NotFound))) => {
            Outcome::Lost(reason)
        }
        (Outcome::Cancelled { .. }, Some(CancelReason::WorkerShutdown)) => failed(
            failure_type::WORKER_SHUTDOWN,
            format!("the host stopped before activity `{activity}` was done"),
        ),
        (Outcome::Cancelled { .. }, Some(CancelReason::Paused)) => {
            failed(failure_type::ACTIVITY_PAUSE, format!("activity `{activity}` was paused"))
        }
        (Outcome::Cancelled { .. }, Some(CancelReason::Reset)) => {
            failed(failure_type::ACTIVITY_RESET, format!("activity `{activity}` was reset"))
        }
        (Outcome::Cancelled { .. }, None) => failed(
            failure_type::NOT_CANCELLED,
            format!("activity `{activity}` returned that it was cancelled, without a request to cancel it"),
        ),
        (outcome, _) => outcome,
    };
    match outcome {
        Outcome::Failed { failure, .. } => Outcome::Failed { failure, last_heartbeat_details },
        outcome => outcome,
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

async fn answer(sending: &mut Option<Sending>) -> HeartbeatAnswer {
    match sending {
        Some(sending) => sending.await,
        None => pending().await,
    }
}

async fn changed(recorded: &mut watch::Receiver<Option<Vec<Payload>>>) {
    if recorded.changed().await.is_err() {
        // The activity dropped its context, so it records nothing more.
        pending().await
    }
}

async fn next_stop(stop: &mut Option<watch::Receiver<Option<CancelReason>>>) -> CancelReason {
    // Once the sender is gone, it gives no reason any more.
    while let Some(receiver) = stop
        && receiver.changed().await.is_ok()
    {
        if let Some(reason) = *receiver.borrow_and_update() {
            return reason;
        }
    }
    pending().await
}

async fn next_phase(phase: &mut watch::Receiver<ShutdownPhase>, seen: ShutdownPhase) -> ShutdownPhase {
    phase.wait_for(|phase| *phase > seen).await.map_or(ShutdownPhase::Leaving, |phase| *phase)
}
