//! The times of a schedule that pass: which actions they bring, and when the next one does.

use std::time::Duration;

use host_wire::temporal::api::{enums::v1::ScheduleOverlapPolicy as Overlap, schedule::v1::BackfillRequest};
use prost_types::Timestamp;

use crate::{
    limits,
    schedule::{
        record::BufferedStart,
        spec::{NextTime, Spec},
        state::Schedule,
    },
    time::Time,
};

/// What a range of times is taken for.
#[derive(Clone, Copy, Debug)]
struct Range {
    after: Time,
    /// Inclusive.
    until: Time,
    policy: Overlap,
    is_manual: bool,
    /// Most actions.
    most: usize,
}

/// What came of a range.
#[derive(Clone, Copy, Debug)]
struct Taken {
    /// Times up to here were taken.
    processed: Time,
    actions: usize,
    /// Whether there is nothing left of the range.
    is_complete: bool,
}

impl Schedule {
    /// Takes the times that have passed. Answers whether that is all of them: one step takes
    /// [`limits::SCHEDULE_TIMES_OF_STEP`] at most.
    pub(super) fn take_passed_times(&mut self, now: Time) -> bool {
        let after = self.processed();
        // The clock may have been set back.
        let now = now.max(after);
        // Time that passes while nothing may be done is no missed time.
        if !self.may_act() {
            self.progress.processed = Some(now.into());
            return true;
        }
        let taken = self.take(Range {
            after,
            until: now,
            policy: Overlap::Unspecified,
            is_manual: false,
            most: usize::MAX,
        });
        self.progress.processed = Some(taken.processed.into());
        taken.is_complete
    }

    /// Takes the next portion of the backfills.
    pub(super) fn take_backfills(&mut self, now: Time) {
        let mut most = limits::SCHEDULE_BACKFILLS_OF_STEP;
        while most > 0 && self.progress.buffered.len() < limits::SCHEDULE_BUFFER / 2 {
            let Some(backfill) = self.progress.backfills.first().copied() else { break };
            let time = |time: Option<Timestamp>| time.map(Time::from).unwrap_or_default();
            let taken = self.take(Range {
                after: time(backfill.start_time),
                until: time(backfill.end_time),
                policy: backfill.overlap_policy(),
                is_manual: true,
                most,
            });
            most = most.saturating_sub(taken.actions);
            if taken.is_complete {
                self.progress.backfills.remove(0);
            } else {
                let rest = BackfillRequest { start_time: Some(taken.processed.into()), ..backfill };
                self.progress.backfills[0] = rest;
            }
        }
        let is_left = !self.progress.backfills.is_empty();
        self.progress.backfill_at = is_left.then(|| now.after(limits::SCHEDULE_BACKFILL_INTERVAL).into());
    }

    /// Whether a backfill goes on by itself. Others go on when the running workflow closes.
    pub(super) fn has_paced_backfills(&self) -> bool {
        let is_running = !self.info().running_workflows.is_empty();
        let first = self.progress.backfills.first();
        first.is_some_and(|first| !is_running || self.resolve(first.overlap_policy()) == Overlap::AllowAll)
    }

    /// Puts an action into the buffer, or drops it where that is full.
    pub(super) fn add_start(&mut self, time: NextTime, policy: Overlap, is_manual: bool) {
        if self.progress.buffered.len() >= limits::SCHEDULE_BUFFER {
            self.info_mut().buffer_dropped += 1;
            return;
        }
        self.progress.buffered.push(BufferedStart {
            nominal_time: Some(time.nominal.into()),
            actual_time: Some(time.actual.into()),
            overlap_policy: policy.into(),
            is_manual,
        });
    }

    /// The next time at which the spec asks for an action.
    pub(super) fn next_action_time(&self) -> Option<Time> {
        self.action_times().next()
    }

    /// The next times at which actions will be taken, as far as the spec says.
    pub(super) fn future_action_times(&self, most: usize) -> Vec<Timestamp> {
        let state = self.state();
        let remaining = usize::try_from(state.remaining_actions).unwrap_or(0);
        let most = if state.limited_actions { most.min(remaining) } else { most };
        self.action_times().take(most).map(Timestamp::from).collect()
    }

    fn action_times(&self) -> impl Iterator<Item = Time> + '_ {
        let seed = self.seed();
        let update_time = self.update_time();
        let mut after =
            self.spec.as_ref().map_or(Time::default(), |spec| self.not_before_update(spec, self.processed()));
        let next = move || {
            let spec = self.spec.as_ref().ok()?;
            after = spec.next_time(&seed, after).ok()??.actual;
            Some(after)
        };
        std::iter::from_fn(next).skip_while(move |time| *time < update_time)
    }

    fn update_time(&self) -> Time {
        self.info().update_time.map(Time::from).unwrap_or_default()
    }

    /// Actions before the last update are not taken: where to begin, so that those are not all passed over one by one.
    /// Jitter may put an action behind the update whose nominal time is before it.
    fn not_before_update(&self, spec: &Spec, after: Time) -> Time {
        after.max(self.update_time().before(spec.longest_delay()).before(Duration::from_secs(1)))
    }

    fn take(&mut self, range: Range) -> Taken {
        let Ok(spec) = self.spec.clone() else {
            return Taken { processed: range.until, actions: 0, is_complete: true };
        };
        let seed = self.seed();
        let (window, update_time) = (self.catchup_window(), self.update_time());
        let mut taken = Taken { processed: range.after, actions: 0, is_complete: false };
        let mut after =
            if range.is_manual { range.after } else { self.not_before_update(&spec, range.after) };
        for _ in 0..limits::SCHEDULE_TIMES_OF_STEP {
            let next = spec.next_time(&seed, after).ok().flatten();
            let Some(next) = next.filter(|next| next.actual <= range.until) else {
                taken.is_complete = true;
                return taken;
            };
            after = next.actual;
            taken.processed = next.actual;
            if !range.is_manual && next.actual < update_time {
                continue;
            }
            if !range.is_manual && range.until.since(next.actual) > window {
                self.info_mut().missed_catchup_window += 1;
                continue;
            }
            self.add_start(next, range.policy, range.is_manual);
            taken.actions += 1;
            if taken.actions == range.most {
                return taken;
            }
        }
        taken
    }
}

/// The time of a request for an action now.
pub(super) fn at(time: Time) -> NextTime {
    NextTime { nominal: time, actual: time }
}

impl Schedule {
    /// Until when it is kept, if it has nothing to do any more.
    fn retention_end(&self) -> Option<Time> {
        // What this version cannot compute, another may.
        let is_over = self.spec.is_ok()
            && !self.state().paused
            && self.progress.buffered.is_empty()
            && self.progress.backfills.is_empty()
            && (!self.may_act() || self.next_action_time().is_none());
        is_over.then(|| self.last_event().after(limits::SCHEDULE_RETENTION))
    }

    /// When it was created, updated, or took an action, whichever was last.
    fn last_event(&self) -> Time {
        let info = self.info();
        let action = info.recent_actions.last().and_then(|action| action.actual_time);
        let events = [action, info.create_time, info.update_time];
        events.into_iter().flatten().map(Time::from).max().unwrap_or_default()
    }

    /// When the next step is due.
    pub(crate) fn wakeup(&self) -> Option<Time> {
        if self.progress.is_woken {
            return Some(Time::default());
        }
        if self.has_paced_backfills() {
            return self.progress.backfill_at.map(Time::from).or(Some(Time::default()));
        }
        if let Some(end) = self.retention_end() {
            return Some(end);
        }
        if self.may_act() { self.next_action_time() } else { None }
    }

    /// Whether it is deleted now, because it has nothing to do any more.
    pub(super) fn is_expired(&self, now: Time) -> bool {
        !self.has_paced_backfills() && self.retention_end().is_some_and(|end| end <= now)
    }
}

impl Schedule {
    /// The first [`limits::SCHEDULE_MATCHING_TIMES`] times of the spec after one time and up to another.
    ///
    /// # Errors
    ///
    /// When this version cannot compute them.
    pub(crate) fn matching_times(&self, after: Time, until: Time) -> Result<Vec<Timestamp>, String> {
        let spec = self.spec.as_ref().map_err(|error| format!("invalid schedule: {error}"))?;
        let seed = self.seed();
        let (mut after, mut times) = (after, Vec::new());
        while times.len() < limits::SCHEDULE_MATCHING_TIMES {
            let next = spec.next_time(&seed, after).map_err(|error| error.to_string())?;
            let Some(next) = next.filter(|next| next.actual <= until) else { break };
            after = next.actual;
            times.push(next.actual.into());
        }
        Ok(times)
    }
}
