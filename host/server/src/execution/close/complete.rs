//! CompleteWorkflowExecution. The cron schedule of the run may start another.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::CompleteWorkflowExecutionCommandAttributes, enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::WorkflowExecutionCompletedEventAttributes, sdk::v1::UserMetadata,
    },
};

use crate::execution::{
    plan::{Plan, Refused, check_payloads},
    run_transition::{Effect, RunTransition},
    successor::{cron_run, run_id_of},
};

pub(crate) fn check(
    plan: &mut Plan<'_>,
    a: &CompleteWorkflowExecutionCommandAttributes,
) -> Result<(), Refused> {
    check_payloads(
        Cause::BadCompleteWorkflowExecutionAttributes,
        "CompleteWorkflowExecutionCommandAttributes.Result",
        a.result.as_ref(),
    )?;
    plan.close()
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: CompleteWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let has_cron = !run.start().attributes().cron_schedule.is_empty();
    let next = if has_cron {
        let new_run_id = run.new_id();
        cron_run(run, Ok(a.result.clone()), run.now(), new_run_id)
    } else {
        None
    };
    run.record_with(
        EventAttributes::WorkflowExecutionCompletedEventAttributes(Box::new(
            WorkflowExecutionCompletedEventAttributes {
                result: a.result,
                workflow_task_completed_event_id: completed_id,
                new_execution_run_id: run_id_of(next.as_deref()),
            },
        )),
        metadata,
    );
    if let Some(next) = next {
        run.effect(Effect::Continue(next));
    }
}
