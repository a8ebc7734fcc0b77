//! Options of timers, and how a timer ends.

use std::time::Duration;

use crate::cancellation::WorkflowCancellationToken;
use crate::options::options;

options! {
    /// Options of a timer. A [`Duration`] converts into options without a token and a summary.
    TimerOptions, TimerOptionsBuilder { duration: Duration } {
        /// The token that cancels the timer. Default: the token of the run.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// One line that user interfaces show.
        summary, with_summary: String;
    }
}

impl TimerOptions {
    /// Options of a timer that fires after `duration`, or after 1 ms if that is longer: the service takes no timer of
    /// zero.
    pub fn new(duration: Duration) -> Self {
        Self::of(duration)
    }

    /// A builder of options of a timer that fires after `duration`.
    pub fn builder(duration: Duration) -> TimerOptionsBuilder {
        TimerOptionsBuilder(Self::of(duration))
    }
}

impl From<Duration> for TimerOptions {
    fn from(duration: Duration) -> Self {
        Self::new(duration)
    }
}

/// The end of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerResult {
    /// Its token or [`Timer::cancel`](crate::Timer::cancel) cancelled it.
    Cancelled,
    /// Its duration has passed.
    Fired,
}
