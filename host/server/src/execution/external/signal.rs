//! SignalExternalWorkflowExecution: recorded here, delivered by the executions.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::SignalExternalWorkflowExecutionCommandAttributes,
        enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::SignalExternalWorkflowExecutionInitiatedEventAttributes, sdk::v1::UserMetadata,
    },
};

use crate::{
    execution::{
        plan::{Plan, Refused, bad, check_id, check_input, check_run_id},
        run_transition::{Effect, RunTransition},
    },
    limits,
    namespace::namespace_id,
};

const COMMAND: &str = "SignalExternalWorkflowExecutionCommand";

pub(crate) fn check(
    plan: &mut Plan<'_>,
    a: &SignalExternalWorkflowExecutionCommandAttributes,
) -> Result<(), Refused> {
    let cause = Cause::BadSignalWorkflowExecutionAttributes;
    let target = a.execution.clone().unwrap_or_default();
    check_id(cause, "WorkflowId", COMMAND, &target.workflow_id)?;
    check_run_id(cause, COMMAND, &target.run_id)?;
    check_id(cause, "SignalName", COMMAND, &a.signal_name)?;
    check_input(
        cause,
        "SignalExternalWorkflowExecutionCommandAttributes.Input",
        a.input.as_ref(),
        a.header.as_ref(),
    )?;
    if plan.external_signals >= limits::PENDING {
        return Err(bad(
            Cause::PendingSignalsLimitExceeded,
            format!(
                "the number of pending signals to external workflows, {}, has reached the limit",
                plan.external_signals
            ),
        ));
    }
    plan.external_signals += 1;
    Ok(())
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: SignalExternalWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let namespace = if a.namespace.is_empty() { run.identity().namespace.clone() } else { a.namespace };
    let id = run.record_with(
        EventAttributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(Box::new(
            SignalExternalWorkflowExecutionInitiatedEventAttributes {
                workflow_task_completed_event_id: completed_id,
                namespace_id: namespace_id(&namespace),
                namespace,
                workflow_execution: a.execution,
                signal_name: a.signal_name,
                input: a.input,
                control: a.control,
                child_workflow_only: a.child_workflow_only,
                header: a.header,
            },
        )),
        metadata,
    );
    run.effect(Effect::SignalExternal(id));
}
