//! Cron schedules of workflows: when the next run begins. The grammar is that of [`crate::calendar::cron`].

use std::time::Duration;

use crate::{calendar::cron::Cron, time::Time};

/// A second in nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// Checks a cron schedule; an empty one is none.
pub(crate) fn invalid(schedule: &str) -> Option<&'static str> {
    if schedule.is_empty() {
        return None;
    }
    match Cron::parse(schedule) {
        Err(_) => Some("invalid CronSchedule."),
        Ok(cron) if cron.next(Time::default()).is_none() => {
            Some("invalid CronSchedule, no time can be found to satisfy the schedule")
        }
        Ok(_) => None,
    }
}

/// How long after `now` the run begins that follows one of `scheduled`, in whole seconds; nothing without a schedule, or
/// where that has no later time. Times that passed meanwhile are skipped. As `GetBackoffForNextSchedule` of Temporal's
/// server.
pub(crate) fn backoff(schedule: &str, scheduled: Time, now: Time) -> Option<Duration> {
    if schedule.is_empty() {
        return None;
    }
    let cron = Cron::parse(schedule).ok()?;
    let next = if now < scheduled {
        scheduled
    } else {
        match cron {
            Cron::Every(seconds) => every(scheduled, now, seconds.checked_mul(SECOND)?)?,
            // None of the times before this one is later than now.
            Cron::Calendar(_) => {
                let next = cron.next(scheduled)?;
                if next < now { cron.next(Time(now.0 - 1))? } else { next }
            }
        }
    };
    let wait = next.since(now);
    Some(Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
}

/// The first time at or after now that is a whole number of intervals after another.
fn every(scheduled: Time, now: Time, interval: i64) -> Option<Time> {
    // The time before counts in whole seconds.
    let begin = scheduled.0.div_euclid(SECOND).checked_mul(SECOND)?;
    let passed = now.0.checked_sub(begin)?;
    let intervals = passed.checked_add(interval - 1)?.div_euclid(interval).max(1);
    begin.checked_add(intervals.checked_mul(interval)?).map(Time)
}
