//! StartChildWorkflowExecution: recorded here, started by the executions.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::StartChildWorkflowExecutionCommandAttributes,
        common::v1::RetryPolicy,
        enums::v1::{
            ParentClosePolicy, TaskQueueKind, WorkflowIdReusePolicy, WorkflowTaskFailedCause as Cause,
        },
        history::v1::StartChildWorkflowExecutionInitiatedEventAttributes,
        sdk::v1::UserMetadata,
        taskqueue::v1::TaskQueue,
    },
};

use crate::{
    execution::{
        cron,
        plan::{Plan, Refused, bad, check_id, check_input},
        priority, retry,
        run_transition::{Effect, RunTransition},
        workflow_task::timeout::task_timeout_or_default,
    },
    limits,
    namespace::namespace_id,
    time::{positive, stored},
};

const COMMAND: &str = "StartChildWorkflowExecutionCommand";

pub(crate) fn check(
    plan: &mut Plan<'_>,
    a: &StartChildWorkflowExecutionCommandAttributes,
) -> Result<(), Refused> {
    let cause = Cause::BadStartChildExecutionAttributes;
    check_id(cause, "WorkflowId", COMMAND, &a.workflow_id)?;
    check_id(cause, "WorkflowType", COMMAND, a.workflow_type.as_ref().map_or("", |of| &of.name))?;
    if let Some(wrong) = cron::invalid(&a.cron_schedule) {
        return Err(bad(cause, wrong));
    }
    if let Some(wrong) = a.retry_policy.as_ref().and_then(retry::invalid) {
        return Err(bad(cause, wrong));
    }
    if let Some(wrong) = a.priority.as_ref().and_then(priority::invalid) {
        return Err(bad(cause, wrong));
    }
    check_input(
        cause,
        "StartChildWorkflowExecutionCommandAttributes.Input",
        a.input.as_ref(),
        a.header.as_ref(),
    )?;
    let own = &plan.run.identity().namespace;
    let namespace = if a.namespace.is_empty() { own } else { &a.namespace };
    plan.check_first_search_attributes(cause, namespace, a.search_attributes.as_ref())?;
    if plan.children >= limits::PENDING {
        return Err(bad(
            Cause::PendingChildWorkflowsLimitExceeded,
            format!(
                "the number of pending child workflow executions, {}, has reached the limit",
                plan.children
            ),
        ));
    }
    plan.children += 1;
    plan.initiated_children.insert(a.workflow_id.clone());
    Ok(())
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: StartChildWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let parent_close_policy = match a.parent_close_policy() {
        ParentClosePolicy::Unspecified => ParentClosePolicy::Terminate,
        given => given,
    };
    let workflow_id_reuse_policy = match a.workflow_id_reuse_policy() {
        WorkflowIdReusePolicy::Unspecified => WorkflowIdReusePolicy::AllowDuplicate,
        given => given,
    };
    let namespace = if a.namespace.is_empty() { run.identity().namespace.clone() } else { a.namespace };
    let queue = a.task_queue.map(|queue| queue.name).filter(|name| !name.is_empty());
    let execution_timeout = positive(a.workflow_execution_timeout);
    let run_timeout = positive(a.workflow_run_timeout).or(execution_timeout);
    let id = run.record_with(
        EventAttributes::StartChildWorkflowExecutionInitiatedEventAttributes(Box::new(
            StartChildWorkflowExecutionInitiatedEventAttributes {
                namespace_id: namespace_id(&namespace),
                namespace,
                workflow_id: a.workflow_id,
                workflow_type: a.workflow_type,
                task_queue: Some(TaskQueue {
                    name: queue.unwrap_or_else(|| run.start().queue_name().to_owned()),
                    kind: TaskQueueKind::Normal.into(),
                    normal_name: String::new(),
                }),
                input: a.input,
                workflow_execution_timeout: a.workflow_execution_timeout,
                workflow_run_timeout: stored(run_timeout),
                workflow_task_timeout: task_timeout_or_default(a.workflow_task_timeout, run_timeout),
                parent_close_policy: parent_close_policy.into(),
                control: a.control,
                workflow_task_completed_event_id: completed_id,
                workflow_id_reuse_policy: workflow_id_reuse_policy.into(),
                retry_policy: a.retry_policy.map(RetryPolicy::filled),
                cron_schedule: a.cron_schedule,
                header: a.header,
                memo: a.memo,
                search_attributes: a.search_attributes,
                inherit_build_id: a.inherit_build_id,
                priority: a.priority,
                ..Default::default()
            },
        )),
        metadata,
    );
    run.effect(Effect::StartChild(id));
}
