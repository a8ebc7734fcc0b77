//! How long the calls of a workflow type take, and on which threads they are therefore made.
//!
//! A workflow waits; it does not compute. A call that takes long is a mistake or an attack, and each holds a thread, up
//! to the deadline. So after one the calls of its type go to the slow lane, whatever run they are for: there they hold
//! up each other, and not the calls that are as short as they should be.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use super::threads::Lane;

/// How much processor time a call takes that is slow, and for how long a call runs that counts as slow meanwhile: another
/// thread's processor time cannot be read. Calls of workflows take microseconds, replaying 50,000 events 50 ms.
pub(crate) const SLOW_CALL: Duration = Duration::from_millis(200);
/// How long the calls of a type go to the slow lane after a slow one.
pub(crate) const SLOW_FOR: Duration = Duration::from_secs(60);

/// The pace of one workflow type of one module.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the calls that run now began, the oldest first.
    running: Vec<Instant>,
    slow_until: Option<Instant>,
}

impl Pace {
    /// Where the next call is made. A call that runs and is slow already counts.
    pub(crate) fn lane(&self) -> Lane {
        let now = Instant::now();
        let state = self.state();
        let runs_long = state.running.first().is_some_and(|&begin| now.duration_since(begin) > SLOW_CALL);
        let was_slow = state.slow_until.is_some_and(|until| now < until);
        if runs_long || was_slow { Lane::Slow } else { Lane::Prompt }
    }

    /// Makes a call on this thread, and measures it. Passes how long it took to `became_slow` if that makes the type
    /// slow.
    pub(crate) fn measure<T>(&self, became_slow: impl FnOnce(Duration), call: impl FnOnce() -> T) -> T {
        let running = Running::begin(self);
        let before = thread_time();
        let answer = call();
        // Not the time on the clock: on a machine with more work than processors that is long for every call.
        let took = thread_time().saturating_sub(before);
        drop(running);
        if took > SLOW_CALL {
            let now = Instant::now();
            let before = self.state().slow_until.replace(now + SLOW_FOR);
            if before.is_none_or(|until| until < now) {
                became_slow(took);
            }
        }
        answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No change can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

    const LONG: Duration = SLOW_CALL.saturating_mul(2);

    #[test]
    fn a_slow_call_sends_those_after_it_to_the_slow_lane() {
        let pace = Pace::default();
        assert_eq!(pace.lane(), Lane::Prompt);
        let mut said = Vec::new();
        for _ in 0..2 {
            pace.measure(|took| said.push(took), || compute(LONG));
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
        pace.measure(|took| panic!("{took:?}"), || sleep(LONG));
        assert_eq!(pace.lane(), Lane::Prompt);
    }

    #[test]
    fn a_call_that_still_runs_counts() {
        let pace = Pace::default();
        let while_it_runs = pace.measure(
            |_| (),
            || {
                sleep(LONG);
                pace.lane()
            },
        );
        assert_eq!(while_it_runs, Lane::Slow);
    }

    #[test]
    fn a_panic_ends_its_call() {
        let pace = Pace::default();
        let panics = AssertUnwindSafe(|| pace.measure(|_| (), || panic!("on purpose")));
        catch_unwind(panics).unwrap_err();
        assert!(pace.state().running.is_empty());
    }
}
