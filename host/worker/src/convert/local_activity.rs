//! Local activities.

use host_core::{Command, LocalActivity, LocalActivityBackoff};
use host_sandbox::wit::workflow::host::{
    activation::LocalActivityBackoff as GuestBackoff, activities::LocalActivityOptions,
};

use super::{activity, malformed::Malformed, named_payloads, payload, retry_policy, time, user_metadata};

/// `activities.schedule-local`
pub(super) fn schedule(seq: u32, options: LocalActivityOptions) -> Result<Command, Malformed> {
    if options.start_to_close_timeout.is_none() && options.schedule_to_close_timeout.is_none() {
        return Err(Malformed::NoTimeout { activity_type: options.activity_type });
    }
    let local_activity = LocalActivity {
        activity_id: options.activity_id.unwrap_or_default(),
        activity_type: options.activity_type,
        attempt: options.attempt,
        original_schedule_time: options.original_schedule_time.map(time::instant_to_wire),
        header: named_payloads::header_to_wire(options.headers),
        arguments: options.arguments.into_iter().map(payload::to_wire).collect(),
        schedule_to_close_timeout: options.schedule_to_close_timeout.map(time::duration_to_wire),
        schedule_to_start_timeout: options.schedule_to_start_timeout.map(time::duration_to_wire),
        start_to_close_timeout: options.start_to_close_timeout.map(time::duration_to_wire),
        retry_policy: options.retry_policy.map(retry_policy::to_wire).transpose()?,
        local_retry_threshold: options.local_retry_threshold.map(time::duration_to_wire),
        cancellation: activity::cancellation(options.cancellation_type),
        include_arguments_in_marker: options.include_arguments_in_marker,
        user_metadata: options.user_metadata.map(user_metadata::to_wire),
    };
    Ok(Command::ScheduleLocalActivity { seq, activity: Box::new(local_activity) })
}

/// A local activity is to be scheduled again after a timer.
pub(super) fn backoff_to_guest(backoff: LocalActivityBackoff) -> GuestBackoff {
    GuestBackoff {
        attempt: backoff.attempt,
        backoff: time::duration_to_guest(backoff.backoff),
        original_schedule_time: backoff.original_schedule_time.map(time::instant_to_guest),
    }
}
