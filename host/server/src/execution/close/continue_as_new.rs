//! ContinueAsNewWorkflowExecution.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::ContinueAsNewWorkflowExecutionCommandAttributes, common::v1::RetryPolicy,
        enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::WorkflowExecutionContinuedAsNewEventAttributes, sdk::v1::UserMetadata,
    },
};
use prost::Message;

use crate::{
    execution::{
        cron,
        plan::{Plan, Refused, bad, check_input},
        retry,
        run_transition::{Effect, RunTransition},
        successor::continue_as_new,
    },
    limits,
};

pub(crate) fn check(
    plan: &mut Plan<'_>,
    a: &ContinueAsNewWorkflowExecutionCommandAttributes,
) -> Result<(), Refused> {
    let cause = Cause::BadContinueAsNewAttributes;
    check_input(
        cause,
        "ContinueAsNewWorkflowExecutionCommandAttributes.Input",
        a.input.as_ref(),
        a.header.as_ref(),
    )?;
    let inherited =
        if a.memo.is_none() || a.search_attributes.is_none() { plan.run.attributes().bytes() } else { 0 };
    if a.encoded_len() + inherited > limits::EVENT_BYTES {
        return Err(bad(cause, "ContinueAsNewWorkflowExecutionCommandAttributes exceed size limit."));
    }
    if let Some(wrong) = cron::invalid(&a.cron_schedule) {
        return Err(bad(cause, wrong));
    }
    if let Some(wrong) = a.retry_policy.as_ref().and_then(retry::invalid) {
        return Err(bad(cause, wrong));
    }
    let namespace = &plan.run.identity().namespace;
    plan.check_first_search_attributes(cause, namespace, a.search_attributes.as_ref())?;
    plan.close()
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    mut a: ContinueAsNewWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    a.retry_policy = a.retry_policy.take().map(RetryPolicy::filled);
    let new_run_id = run.new_id();
    let next = continue_as_new(run, &a, run.now(), new_run_id.clone());
    let start = &next.start;
    run.record_with(
        EventAttributes::WorkflowExecutionContinuedAsNewEventAttributes(Box::new(
            WorkflowExecutionContinuedAsNewEventAttributes {
                new_execution_run_id: new_run_id,
                workflow_type: start.workflow_type.clone(),
                task_queue: start.task_queue.clone(),
                input: start.input.clone(),
                workflow_run_timeout: start.workflow_run_timeout,
                workflow_task_timeout: start.workflow_task_timeout,
                workflow_task_completed_event_id: completed_id,
                backoff_start_interval: a.backoff_start_interval,
                initiator: a.initiator,
                failure: start.continued_failure.clone(),
                last_completion_result: start.last_completion_result.clone(),
                header: start.header.clone(),
                memo: start.memo.clone(),
                search_attributes: start.search_attributes.clone(),
                inherit_build_id: a.inherit_build_id,
                initial_versioning_behavior: a.initial_versioning_behavior,
            },
        )),
        metadata,
    );
    run.effect(Effect::Continue(next));
}
