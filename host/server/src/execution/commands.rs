//! The commands of a completed workflow task, each in a file of its feature.
//!
//! All commands are checked before the first is recorded, so that a bad one leaves nothing behind. `check` looks at
//! the run and at what earlier commands of the same completion will do to it; `record` cannot fail. No match has a
//! wildcard: a command that the protocol adds does not compile before it has its place.

use std::collections::VecDeque;

use host_wire::temporal::api::{
    command::v1::{Command, command::Attributes},
    common::v1::WorkflowExecution,
    enums::v1::WorkflowTaskFailedCause as Cause,
};

use crate::{
    execution::{
        activity, attributes, bounds, child, close,
        executions::Executions,
        external,
        loading::Needs,
        marker, nexus,
        plan::{Plan, Refused, bad},
        run::Run,
        run_transition::RunTransition,
        timer,
        update::{self, plan::Steps},
    },
    visibility::registry::Registry,
};

/// Looks up the other runs that a command changes, or that it must know.
pub(crate) fn look_up(executions: &Executions, run: &Run, command: &Command) -> Result<(), Needs> {
    let namespace = |of_command: &str| match of_command {
        "" => run.identity().namespace.clone(),
        given => given.to_owned(),
    };
    match &command.attributes {
        Some(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(a)) => {
            if attributes::upsert_search_attributes::is_too_large(run, a) {
                child::close::look_up(executions, run, true)?;
            }
            Ok(())
        }
        Some(Attributes::StartChildWorkflowExecutionCommandAttributes(a)) => {
            if Registry::check_first_size(a.search_attributes.as_ref()).is_err() {
                child::close::look_up(executions, run, true)?;
            }
            let reuse = a.workflow_id_reuse_policy();
            child::run::look_up(executions, &namespace(&a.namespace), &a.workflow_id, reuse)
        }
        Some(Attributes::SignalExternalWorkflowExecutionCommandAttributes(a)) => {
            let target = a.execution.clone().unwrap_or_default();
            external::deliver::look_up(executions, &namespace(&a.namespace), &target)
        }
        Some(Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(a)) => {
            let target = WorkflowExecution { workflow_id: a.workflow_id.clone(), run_id: a.run_id.clone() };
            external::deliver::look_up(executions, &namespace(&a.namespace), &target)
        }
        Some(
            Attributes::CompleteWorkflowExecutionCommandAttributes(_)
            | Attributes::FailWorkflowExecutionCommandAttributes(_)
            | Attributes::CancelWorkflowExecutionCommandAttributes(_),
        ) => child::close::look_up(executions, run, true),
        Some(Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(a)) => {
            let is_terminated = Registry::check_first_size(a.search_attributes.as_ref()).is_err();
            child::close::look_up(executions, run, is_terminated)
        }
        Some(
            Attributes::ScheduleActivityTaskCommandAttributes(_)
            | Attributes::RequestCancelActivityTaskCommandAttributes(_)
            | Attributes::StartTimerCommandAttributes(_)
            | Attributes::CancelTimerCommandAttributes(_)
            | Attributes::RecordMarkerCommandAttributes(_)
            | Attributes::ModifyWorkflowPropertiesCommandAttributes(_)
            | Attributes::ProtocolMessageCommandAttributes(_)
            | Attributes::ScheduleNexusOperationCommandAttributes(_)
            | Attributes::RequestCancelNexusOperationCommandAttributes(_),
        )
        | None => Ok(()),
    }
}

/// Checks the next command, and cuts its failure.
pub(crate) fn check(plan: &mut Plan<'_>, command: &mut Command) -> Result<(), Refused> {
    let bounded = bounds::check_command(command);
    let Some(attributes) = &command.attributes else {
        return Err(Refused::Invalid(format!("Command of type {} has no attributes.", command.command_type)));
    };
    if plan.closes {
        return Err(Refused::Invalid(
            "Invalid command sequence: a command that closes the workflow must be the last.".to_owned(),
        ));
    }
    if let Err(message) = bounded {
        return Err(bad(cause(attributes), message));
    }
    name_types(plan, command);
    let Some(attributes) = &command.attributes else { return Ok(()) };
    match attributes {
        Attributes::ScheduleActivityTaskCommandAttributes(a) => activity::schedule::check(plan, a),
        Attributes::RequestCancelActivityTaskCommandAttributes(a) => activity::request_cancel::check(plan, a),
        Attributes::StartTimerCommandAttributes(a) => timer::start::check(plan, a),
        Attributes::CancelTimerCommandAttributes(a) => timer::cancel::check(plan, a),
        Attributes::RecordMarkerCommandAttributes(a) => marker::check(a),
        Attributes::CompleteWorkflowExecutionCommandAttributes(a) => close::complete::check(plan, a),
        Attributes::FailWorkflowExecutionCommandAttributes(a) => close::fail::check(plan, a),
        Attributes::CancelWorkflowExecutionCommandAttributes(a) => close::cancel::check(plan, a),
        Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(a) => {
            close::continue_as_new::check(plan, a)
        }
        Attributes::UpsertWorkflowSearchAttributesCommandAttributes(a) => {
            attributes::upsert_search_attributes::check(plan, a)
        }
        Attributes::ModifyWorkflowPropertiesCommandAttributes(a) => {
            attributes::modify_properties::check(plan, a)
        }
        Attributes::StartChildWorkflowExecutionCommandAttributes(a) => child::start::check(plan, a),
        Attributes::SignalExternalWorkflowExecutionCommandAttributes(a) => external::signal::check(plan, a),
        Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(a) => {
            external::request_cancel::check(plan, a)
        }
        Attributes::ProtocolMessageCommandAttributes(a) => update::respond::check(plan, a),
        Attributes::ScheduleNexusOperationCommandAttributes(a) => nexus::schedule::check(plan, a),
        Attributes::RequestCancelNexusOperationCommandAttributes(a) => nexus::request_cancel::check(plan, a),
    }
}

/// Names the types of the search attributes of a command.
fn name_types(plan: &Plan<'_>, command: &mut Command) {
    let own = &plan.run.identity().namespace;
    match &mut command.attributes {
        Some(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(a)) => {
            plan.name_types(own, a.search_attributes.as_mut());
        }
        Some(Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(a)) => {
            plan.name_types(own, a.search_attributes.as_mut());
        }
        Some(Attributes::StartChildWorkflowExecutionCommandAttributes(a)) => {
            let namespace = if a.namespace.is_empty() { own } else { &a.namespace };
            plan.name_types(namespace, a.search_attributes.as_mut());
        }
        _ => {}
    }
}

/// Why a workflow task fails whose command of this kind is invalid.
fn cause(attributes: &Attributes) -> Cause {
    match attributes {
        Attributes::ScheduleActivityTaskCommandAttributes(_) => Cause::BadScheduleActivityAttributes,
        Attributes::RequestCancelActivityTaskCommandAttributes(_) => {
            Cause::BadRequestCancelActivityAttributes
        }
        Attributes::StartTimerCommandAttributes(_) => Cause::BadStartTimerAttributes,
        Attributes::CancelTimerCommandAttributes(_) => Cause::BadCancelTimerAttributes,
        Attributes::RecordMarkerCommandAttributes(_) => Cause::BadRecordMarkerAttributes,
        Attributes::CompleteWorkflowExecutionCommandAttributes(_) => {
            Cause::BadCompleteWorkflowExecutionAttributes
        }
        Attributes::FailWorkflowExecutionCommandAttributes(_) => Cause::BadFailWorkflowExecutionAttributes,
        Attributes::CancelWorkflowExecutionCommandAttributes(_) => {
            Cause::BadCancelWorkflowExecutionAttributes
        }
        Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(_) => Cause::BadContinueAsNewAttributes,
        Attributes::UpsertWorkflowSearchAttributesCommandAttributes(_) => Cause::BadSearchAttributes,
        Attributes::ModifyWorkflowPropertiesCommandAttributes(_) => {
            Cause::BadModifyWorkflowPropertiesAttributes
        }
        Attributes::StartChildWorkflowExecutionCommandAttributes(_) => {
            Cause::BadStartChildExecutionAttributes
        }
        Attributes::SignalExternalWorkflowExecutionCommandAttributes(_) => {
            Cause::BadSignalWorkflowExecutionAttributes
        }
        Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(_) => {
            Cause::BadRequestCancelExternalWorkflowExecutionAttributes
        }
        Attributes::ProtocolMessageCommandAttributes(_) => Cause::BadUpdateWorkflowExecutionMessage,
        Attributes::ScheduleNexusOperationCommandAttributes(_) => Cause::BadScheduleNexusOperationAttributes,
        Attributes::RequestCancelNexusOperationCommandAttributes(_) => {
            Cause::BadRequestCancelNexusOperationAttributes
        }
    }
}

/// What the commands of a completion need beside themselves, and what they leave for its end.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) updates: Steps,
    /// Of the Nexus operations that are scheduled, in order.
    pub(crate) endpoint_ids: VecDeque<String>,
    /// Scheduled event ids of activities that the worker wants to start at once.
    pub(crate) eager: Vec<i64>,
}

/// Records what a checked command does.
pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    command: Command,
    identity: &str,
    planned: &mut Planned,
) {
    let metadata = command.user_metadata;
    match command.attributes {
        Some(Attributes::ScheduleActivityTaskCommandAttributes(a)) => {
            activity::schedule::record(run, completed_id, *a, metadata, &mut planned.eager);
        }
        Some(Attributes::RequestCancelActivityTaskCommandAttributes(a)) => {
            activity::request_cancel::record(run, completed_id, &a, metadata, identity);
        }
        Some(Attributes::StartTimerCommandAttributes(a)) => {
            timer::start::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::CancelTimerCommandAttributes(a)) => {
            timer::cancel::record(run, completed_id, *a, metadata, identity);
        }
        Some(Attributes::RecordMarkerCommandAttributes(a)) => {
            marker::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::CompleteWorkflowExecutionCommandAttributes(a)) => {
            close::complete::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::FailWorkflowExecutionCommandAttributes(a)) => {
            close::fail::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::CancelWorkflowExecutionCommandAttributes(a)) => {
            close::cancel::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(a)) => {
            close::continue_as_new::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(a)) => {
            attributes::upsert_search_attributes::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::ModifyWorkflowPropertiesCommandAttributes(a)) => {
            attributes::modify_properties::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::StartChildWorkflowExecutionCommandAttributes(a)) => {
            child::start::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::SignalExternalWorkflowExecutionCommandAttributes(a)) => {
            external::signal::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(a)) => {
            external::request_cancel::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::ProtocolMessageCommandAttributes(_)) => {
            if let Some(step) = planned.updates.of_commands.pop_front() {
                update::respond::record(run, step);
            }
        }
        Some(Attributes::ScheduleNexusOperationCommandAttributes(a)) => {
            let endpoint_id = planned.endpoint_ids.pop_front().unwrap_or_default();
            nexus::schedule::record(run, completed_id, *a, endpoint_id, metadata);
        }
        Some(Attributes::RequestCancelNexusOperationCommandAttributes(a)) => {
            nexus::request_cancel::record(run, completed_id, &a, metadata);
        }
        None => {}
    }
}
