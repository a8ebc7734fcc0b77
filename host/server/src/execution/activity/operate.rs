//! PauseActivity, UnpauseActivity, ResetActivity: clients hold activities back, let them go on, and begin them anew.
//! Histories do not say so.

use std::time::Duration;

use crate::{
    error::Error,
    execution::{
        activity::{attempt::ready_if_due, options},
        fact::{ActivityPaused, ActivityReset, ActivityUnpaused, UnrecordedChange},
        run::Run,
        run_transition::RunTransition,
    },
    time::Time,
};

/// The open activities that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    Id(String),
    Type(String),
    All,
}

impl Selection {
    /// The scheduled event ids of the activities.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn find(&self, run: &Run) -> Result<Vec<i64>, Error> {
        let found = run.activities().iter().filter(|activity| {
            let scheduled = &activity.scheduled;
            match self {
                Self::Id(id) => scheduled.activity_id == *id,
                Self::Type(name) => scheduled.activity_type.as_ref().is_some_and(|of| of.name == *name),
                Self::All => true,
            }
        });
        let found: Vec<i64> = found.map(|activity| activity.scheduled_event_id).collect();
        if found.is_empty() { Err(Error::no_such_activity()) } else { Ok(found) }
    }
}

/// Lets an activity have no further attempt. One that a worker has goes on, and its worker is told.
pub(crate) fn pause(run: &mut RunTransition<'_>, id: i64, identity: &str, reason: &str) {
    if run.activities().get(id).is_some_and(|activity| activity.paused.is_none()) {
        run.unrecorded(UnrecordedChange::ActivityPaused(ActivityPaused {
            scheduled_event_id: id,
            time: Some(run.now().into()),
            identity: identity.to_owned(),
            reason: reason.to_owned(),
        }));
    }
}

/// What a request to unpause asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unpause {
    pub(crate) resets_attempts: bool,
    pub(crate) resets_heartbeat: bool,
    /// How much later than now the next attempt may start at most.
    pub(crate) jitter: Duration,
}

/// Lets a paused activity go on: at once, or within the jitter.
pub(crate) fn unpause(run: &mut RunTransition<'_>, id: i64, unpause: Unpause) {
    let Some(activity) = run.activities().get(id).filter(|activity| activity.paused.is_some()) else {
        return;
    };
    let is_running = activity.started.is_some();
    let next_time = if is_running { None } else { Some(within(run, unpause.jitter).into()) };
    run.unrecorded(UnrecordedChange::ActivityUnpaused(ActivityUnpaused {
        scheduled_event_id: id,
        resets_attempts: unpause.resets_attempts,
        resets_heartbeat: unpause.resets_heartbeat,
        next_time,
    }));
    ready_if_due(run, id);
}

/// What a request to reset an activity asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reset {
    pub(crate) resets_heartbeat: bool,
    pub(crate) keeps_paused: bool,
    pub(crate) restores_options: bool,
    /// As that of [`Unpause`].
    pub(crate) jitter: Duration,
}

/// Begins an activity anew: its attempts count from 1. One that waits starts at once, or within the jitter; one that a
/// worker has goes on, and its worker is told.
pub(crate) fn reset(run: &mut RunTransition<'_>, id: i64, reset: Reset) {
    let options = run.activities().get(id).and_then(|activity| options::original(run, activity).ok());
    if let Some(options) = options.filter(|_| reset.restores_options) {
        options::change(run, id, options);
    }
    let Some(activity) = run.activities().get(id) else { return };
    let stays = activity.started.is_some() || activity.paused.is_some() && reset.keeps_paused;
    let next_time = if stays { None } else { Some(within(run, reset.jitter).into()) };
    run.unrecorded(UnrecordedChange::ActivityReset(ActivityReset {
        scheduled_event_id: id,
        resets_heartbeat: reset.resets_heartbeat,
        next_time,
    }));
    ready_if_due(run, id);
}

/// A time from now on, by chance. Ids are the one source of chance that transitions have.
fn within(run: &mut RunTransition<'_>, jitter: Duration) -> Time {
    let now = run.now();
    if jitter.is_zero() {
        return now;
    }
    let id = run.new_id();
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let nanos = (u128::from(hash) * jitter.as_nanos().min(u128::from(u64::MAX))) >> 64;
    now.after(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
}
