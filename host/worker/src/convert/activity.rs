//! Activities.

use host_core::{ActivityCancellation, Command};
use host_sandbox::wit::workflow::host::activities::{ActivityOptions, CancellationType};
use host_wire::temporal::api::{
    command::v1::ScheduleActivityTaskCommandAttributes, common::v1::ActivityType,
};

use super::{
    Defaults, malformed::Malformed, named_payloads, payload, priority, retry_policy, time, user_metadata,
};

/// `activities.schedule`
pub(super) fn schedule(
    seq: u32,
    options: ActivityOptions,
    defaults: &Defaults,
) -> Result<Command, Malformed> {
    if options.start_to_close_timeout.is_none() && options.schedule_to_close_timeout.is_none() {
        return Err(Malformed::NoTimeout { activity_type: options.activity_type });
    }
    let attributes = ScheduleActivityTaskCommandAttributes {
        activity_id: options.activity_id.unwrap_or_default(),
        activity_type: Some(ActivityType { name: options.activity_type }),
        task_queue: Some(defaults.task_queue(options.task_queue)),
        header: named_payloads::header_to_wire(options.headers),
        input: payload::list_to_wire(options.arguments),
        schedule_to_close_timeout: options.schedule_to_close_timeout.map(time::duration_to_wire),
        schedule_to_start_timeout: options.schedule_to_start_timeout.map(time::duration_to_wire),
        start_to_close_timeout: options.start_to_close_timeout.map(time::duration_to_wire),
        heartbeat_timeout: options.heartbeat_timeout.map(time::duration_to_wire),
        retry_policy: options.retry_policy.map(retry_policy::to_wire).transpose()?,
        // A wish of the workflow; the worker withdraws it when no slot is free.
        request_eager_execution: !options.do_not_eagerly_execute,
        use_workflow_build_id: super::defaults::wants_compatible(options.versioning_intent),
        priority: options.priority.map(priority::to_wire).transpose()?,
    };
    Ok(Command::ScheduleActivity {
        seq,
        attributes: Box::new(attributes),
        cancellation: cancellation(options.cancellation_type),
        user_metadata: user_metadata::boxed(options.user_metadata),
    })
}

/// What cancelling does.
pub(super) fn cancellation(cancellation: CancellationType) -> ActivityCancellation {
    match cancellation {
        CancellationType::TryCancel => ActivityCancellation::TryCancel,
        CancellationType::WaitCancellationCompleted => ActivityCancellation::WaitCancellationCompleted,
        CancellationType::Abandon => ActivityCancellation::Abandon,
    }
}
