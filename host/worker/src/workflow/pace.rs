//! How long the calls of a workflow type take, and on which threads they are therefore made.
//!
//! A workflow waits; it does not compute. Calls that take long are a mistake or an attack, and each holds a thread, up
//! to the deadline. So the calls of a type that take long on average go to the slow lane, whatever run they are for:
//! there they hold up each other, and not the calls that are as short as they should be.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use super::threads::Lane;

/// What this host takes where it is built without optimization, in times of what it takes otherwise.
const BUILD: u32 = if cfg!(debug_assertions) { 10 } else { 1 };
/// How much processor time the calls of a type that is slow take on average, beside what they may take for the events
/// that they are fed. Calls of workflows take microseconds; one that fills the memory of a guest takes 40 ms.
const SLOW_MEAN: Duration = Duration::from_millis(2 * BUILD as u64);
/// How many calls the average goes over at most, so one that takes as many times as long makes its type slow.
const MEAN_OF: u32 = 8;
/// How many calls the average goes over at least.
const MEAN_OF_AT_LEAST: u32 = 2;
/// What a call may take for an event: replaying takes 1 µs for each.
const PER_EVENT: Duration = Duration::from_micros(10 * BUILD as u64);
/// For how long a call runs that counts as slow meanwhile: another thread's processor time cannot be read.
const LONG_CALL: Duration = Duration::from_millis(200);
/// How long the calls of a type go to the slow lane after it was found slow.
pub(crate) const SLOW_FOR: Duration = Duration::from_secs(60);

/// The pace of one workflow type of one module.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the calls that run now began, the oldest first.
    running: Vec<Instant>,
    /// How many calls the mean goes over; `None` before the first call.
    calls: Option<u32>,
    /// What its calls take on average.
    mean: Duration,
    slow_until: Option<Instant>,
}

impl Pace {
    /// Where the next call is made. A call that runs and is slow already counts.
    pub(crate) fn lane(&self) -> Lane {
        let now = Instant::now();
        let state = self.state();
        let runs_long = state.running.first().is_some_and(|&begin| now.duration_since(begin) > LONG_CALL);
        let was_slow = state.slow_until.is_some_and(|until| now < until);
        if runs_long || was_slow { Lane::Slow } else { Lane::Prompt }
    }

    /// Makes a call on this thread that is fed so many events, and measures it. Passes how long it took to
    /// `became_slow` if that makes the type slow.
    pub(crate) fn measure<T>(
        &self,
        events: usize,
        became_slow: impl FnOnce(Duration),
        call: impl FnOnce() -> T,
    ) -> T {
        let running = Running::begin(self);
        let before = thread_time();
        let answer = call();
        // Not the time on the clock: on a machine with more work than processors that is long for every call.
        let took = thread_time().saturating_sub(before);
        drop(running);
        if self.state().note(took.saturating_sub(allowance(events))) {
            became_slow(took);
        }
        answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No change can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes what a call took into account. True if that makes the type slow.
    fn note(&mut self, took: Duration) -> bool {
        // The first call also reads the code of the module into memory, so it is not part of the mean.
        let calls = self.calls.map_or(0, |calls| MEAN_OF.min(calls + 1));
        self.calls = Some(calls);
        if calls > 0 {
            self.mean = (self.mean * (calls - 1) + took) / calls;
        }
        let is_slow = took > SLOW_MEAN * MEAN_OF || calls >= MEAN_OF_AT_LEAST && self.mean > SLOW_MEAN;
        if !is_slow {
            return false;
        }
        let now = Instant::now();
        let before = self.slow_until.replace(now + SLOW_FOR);
        before.is_none_or(|until| until < now)
    }
}

/// What a call may take for the events that it is fed.
fn allowance(events: usize) -> Duration {
    PER_EVENT.saturating_mul(u32::try_from(events).unwrap_or(u32::MAX))
}

/// The processor time of this thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// A call that runs; over when dropped, also by a panic.
struct Running<'p> {
    pace: &'p Pace,
    begin: Instant,
}

impl<'p> Running<'p> {
    fn begin(pace: &'p Pace) -> Self {
        let begin = Instant::now();
        let mut state = pace.state();
        let place = state.running.partition_point(|&other| other <= begin);
        state.running.insert(place, begin);
        drop(state);
        Self { pace, begin }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        if let Some(place) = state.running.iter().position(|&begin| begin == self.begin) {
            state.running.remove(place);
        }
    }
}

/// Says in the log that a call was slow.
pub(crate) fn report_slow(took: Duration) {
    tracing::warn!(
        "a call of the workflow took {} ms of processor time: for {} s the calls of its type go to the threads of slow workflows",
        took.as_millis(),
        SLOW_FOR.as_secs()
    );
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        thread::sleep,
    };

    use super::*;

    /// Computes for so long.
    fn compute(period: Duration) {
        let begin = thread_time();
        while thread_time() - begin < period {
            std::hint::spin_loop();
        }
    }

    const LONG: Duration = LONG_CALL.saturating_mul(2);

    #[test]
    fn a_slow_call_sends_those_after_it_to_the_slow_lane() {
        let pace = Pace::default();
        assert_eq!(pace.lane(), Lane::Prompt);
        let mut said = Vec::new();
        for _ in 0..2 {
            pace.measure(0, |took| said.push(took), || compute(LONG));
            assert_eq!(pace.lane(), Lane::Slow);
        }
        assert_eq!(said.len(), 1);
        assert!(said[0] >= LONG);
        pace.state().slow_until = Some(Instant::now());
        assert_eq!(pace.lane(), Lane::Prompt);
    }

    #[test]
    fn a_call_that_waits_for_a_processor_is_not_slow() {
        let pace = Pace::default();
        pace.measure(0, |took| panic!("{took:?}"), || sleep(LONG));
        assert_eq!(pace.lane(), Lane::Prompt);
    }

    #[test]
    fn a_call_that_still_runs_counts() {
        let pace = Pace::default();
        let while_it_runs = pace.measure(
            0,
            |_| (),
            || {
                sleep(LONG);
                pace.lane()
            },
        );
        assert_eq!(while_it_runs, Lane::Slow);
    }

    /// What so many calls take each, and whether they make their type slow.
    #[track_caller]
    fn check_calls(took: Duration, calls: u32, slow: bool) {
        let mut state = State::default();
        let found = (0..calls).filter(|_| state.note(took)).count();
        assert_eq!(found, usize::from(slow), "{calls} calls of {took:?}");
    }

    #[test]
    fn many_calls_that_are_a_little_slow_count_as_one_that_is() {
        check_calls(SLOW_MEAN * MEAN_OF, 2, false);
        check_calls(SLOW_MEAN * MEAN_OF, 3, true);
        check_calls(SLOW_MEAN * (MEAN_OF + 1), 1, true);
        check_calls(SLOW_MEAN * 2, 2, false);
        check_calls(SLOW_MEAN * 2, 3, true);
        check_calls(SLOW_MEAN, 1_000, false);
    }

    #[test]
    fn a_slow_call_among_quick_ones_does_not_make_a_type_slow() {
        let mut state = State::default();
        for times in [5, 0, 0, 2, 0, 0, 0, 0, 0, 0, 5] {
            assert!(!state.note(SLOW_MEAN * times), "{times}");
        }
    }

    #[test]
    fn a_replay_may_take_as_long_as_its_events_do() {
        let pace = Pace::default();
        let events = 2 * (LONG.as_micros() / PER_EVENT.as_micros());
        pace.measure(usize::try_from(events).unwrap(), |took| panic!("{took:?}"), || compute(LONG));
        assert_eq!(pace.lane(), Lane::Prompt);
    }

    #[test]
    fn a_panic_ends_its_call() {
        let pace = Pace::default();
        let panics = AssertUnwindSafe(|| pace.measure(0, |_| (), || panic!("on purpose")));
        catch_unwind(panics).unwrap_err();
        assert!(pace.state().running.is_empty());
    }
}
