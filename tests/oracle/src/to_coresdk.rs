//! What a guest asks for, as sdk-core takes it.

use std::collections::HashMap;

use host_core::{
    ActivityCancellation, ChildWorkflowCancellation, Command, LocalActivity, NexusCancellation, Outcome,
};
use host_wire::temporal::api::{
    command::v1::{
        ContinueAsNewWorkflowExecutionCommandAttributes,
        RequestCancelExternalWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
        ScheduleNexusOperationCommandAttributes, SignalExternalWorkflowExecutionCommandAttributes,
        StartChildWorkflowExecutionCommandAttributes,
    },
    common::v1::{Header, Payload, Payloads},
};
use temporalio_protos::{
    coresdk::{
        child_workflow::ChildWorkflowCancellationType,
        common::NamespacedWorkflowExecution,
        nexus::NexusOperationCancellationType,
        workflow_commands::{
            ActivityCancellationType, CancelChildWorkflowExecution, CancelSignalWorkflow, CancelTimer,
            CancelWorkflowExecution, CompleteWorkflowExecution, ContinueAsNewWorkflowExecution,
            FailWorkflowExecution, ModifyWorkflowProperties, RequestCancelActivity,
            RequestCancelExternalWorkflowExecution, RequestCancelLocalActivity, RequestCancelNexusOperation,
            ScheduleActivity, ScheduleLocalActivity, ScheduleNexusOperation, SetPatchMarker,
            SignalExternalWorkflowExecution, StartChildWorkflowExecution, StartTimer, UpdateResponse,
            UpsertWorkflowSearchAttributes, WorkflowCommand, signal_external_workflow_execution::Target,
            update_response::Response, workflow_command::Variant,
        },
    },
    temporal::api::common::v1 as theirs,
};

use crate::bridge;

/// Commands in sdk-core's words. An update's acceptance, which our core records by itself, is not
/// among them: [`accept`].
pub fn command(command: &Command, is_local_activity: impl Fn(u32) -> bool) -> WorkflowCommand {
    WorkflowCommand { variant: Some(variant(command, is_local_activity)), ..WorkflowCommand::default() }
}

/// The acceptance of an update.
pub fn accept(protocol_instance_id: String) -> WorkflowCommand {
    WorkflowCommand {
        variant: Some(Variant::UpdateResponse(UpdateResponse {
            protocol_instance_id,
            response: Some(Response::Accepted(())),
        })),
        ..WorkflowCommand::default()
    }
}

fn variant(command: &Command, is_local_activity: impl Fn(u32) -> bool) -> Variant {
    match command {
        Command::ScheduleActivity { seq, attributes, cancellation, .. } => {
            Variant::ScheduleActivity(schedule_activity(*seq, attributes, *cancellation))
        }
        Command::ScheduleLocalActivity { seq, activity } => {
            Variant::ScheduleLocalActivity(schedule_local_activity(*seq, activity))
        }
        Command::CancelActivity { seq } if is_local_activity(*seq) => {
            Variant::RequestCancelLocalActivity(RequestCancelLocalActivity { seq: *seq })
        }
        Command::CancelActivity { seq } => {
            Variant::RequestCancelActivity(RequestCancelActivity { seq: *seq })
        }
        Command::StartTimer { seq, start_to_fire_timeout, .. } => Variant::StartTimer(StartTimer {
            seq: *seq,
            start_to_fire_timeout: Some(bridge::message(start_to_fire_timeout)),
        }),
        Command::CancelTimer { seq } => Variant::CancelTimer(CancelTimer { seq: *seq }),
        Command::StartChildWorkflow { seq, attributes, cancellation, .. } => {
            Variant::StartChildWorkflowExecution(start_child(*seq, attributes, *cancellation))
        }
        Command::CancelChildWorkflow { seq, reason } => {
            Variant::CancelChildWorkflowExecution(CancelChildWorkflowExecution {
                child_workflow_seq: *seq,
                reason: reason.clone(),
            })
        }
        Command::SignalExternalWorkflow { seq, attributes, .. } => {
            Variant::SignalExternalWorkflowExecution(signal_external(*seq, attributes))
        }
        Command::CancelSignalExternalWorkflow { seq } => {
            Variant::CancelSignalWorkflow(CancelSignalWorkflow { seq: *seq })
        }
        Command::RequestCancelExternalWorkflow { seq, attributes } => {
            Variant::RequestCancelExternalWorkflowExecution(cancel_external(*seq, attributes))
        }
        Command::ScheduleNexusOperation { seq, attributes, cancellation, .. } => {
            Variant::ScheduleNexusOperation(schedule_nexus(*seq, attributes, *cancellation))
        }
        Command::CancelNexusOperation { seq } => {
            Variant::RequestCancelNexusOperation(RequestCancelNexusOperation { seq: *seq })
        }
        Command::SetPatchMarker { patch_id, deprecated } => {
            Variant::SetPatchMarker(SetPatchMarker { patch_id: patch_id.clone(), deprecated: *deprecated })
        }
        Command::UpsertSearchAttributes(attributes) => {
            Variant::UpsertWorkflowSearchAttributes(UpsertWorkflowSearchAttributes {
                search_attributes: Some(bridge::message(attributes)),
            })
        }
        Command::UpsertMemo(memo) => Variant::ModifyWorkflowProperties(ModifyWorkflowProperties {
            upserted_memo: Some(bridge::message(memo)),
        }),
        Command::CompleteUpdate { protocol_instance_id, outcome } => {
            Variant::UpdateResponse(UpdateResponse {
                protocol_instance_id: protocol_instance_id.clone(),
                response: Some(update_outcome(outcome)),
            })
        }
        Command::CompleteWorkflow(attributes) => {
            Variant::CompleteWorkflowExecution(CompleteWorkflowExecution {
                result: arguments(attributes.result.as_ref()).pop(),
            })
        }
        Command::FailWorkflow(attributes) => Variant::FailWorkflowExecution(FailWorkflowExecution {
            failure: bridge::option(attributes.failure.as_ref()),
        }),
        Command::CancelWorkflow(attributes) => Variant::CancelWorkflowExecution(CancelWorkflowExecution {
            details: bridge::option(attributes.details.as_ref()),
        }),
        Command::ContinueAsNew(attributes) => {
            Variant::ContinueAsNewWorkflowExecution(continue_as_new(attributes))
        }
    }
}

fn schedule_activity(
    seq: u32,
    from: &ScheduleActivityTaskCommandAttributes,
    cancellation: ActivityCancellation,
) -> ScheduleActivity {
    ScheduleActivity {
        seq,
        activity_id: activity_id(seq, &from.activity_id),
        activity_type: from.activity_type.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        task_queue: from.task_queue.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        headers: headers(from.header.as_ref()),
        arguments: arguments(from.input.as_ref()),
        schedule_to_close_timeout: bridge::option(from.schedule_to_close_timeout.as_ref()),
        schedule_to_start_timeout: bridge::option(from.schedule_to_start_timeout.as_ref()),
        start_to_close_timeout: bridge::option(from.start_to_close_timeout.as_ref()),
        heartbeat_timeout: bridge::option(from.heartbeat_timeout.as_ref()),
        retry_policy: bridge::option(from.retry_policy.as_ref()),
        cancellation_type: activity_cancellation(cancellation).into(),
        priority: bridge::option(from.priority.as_ref()),
        ..ScheduleActivity::default()
    }
}

fn schedule_local_activity(seq: u32, from: &LocalActivity) -> ScheduleLocalActivity {
    ScheduleLocalActivity {
        seq,
        activity_id: activity_id(seq, &from.activity_id),
        activity_type: from.activity_type.clone(),
        attempt: from.attempt,
        original_schedule_time: bridge::option(from.original_schedule_time.as_ref()),
        headers: headers(from.header.as_ref()),
        arguments: bridge::list(&from.arguments),
        schedule_to_close_timeout: bridge::option(from.schedule_to_close_timeout.as_ref()),
        schedule_to_start_timeout: bridge::option(from.schedule_to_start_timeout.as_ref()),
        start_to_close_timeout: bridge::option(from.start_to_close_timeout.as_ref()),
        retry_policy: bridge::option(from.retry_policy.as_ref()),
        local_retry_threshold: bridge::option(from.local_retry_threshold.as_ref()),
        cancellation_type: activity_cancellation(from.cancellation).into(),
        include_arguments_in_marker: from.include_arguments_in_marker,
    }
}

fn start_child(
    seq: u32,
    from: &StartChildWorkflowExecutionCommandAttributes,
    cancellation: ChildWorkflowCancellation,
) -> StartChildWorkflowExecution {
    StartChildWorkflowExecution {
        seq,
        namespace: from.namespace.clone(),
        workflow_id: from.workflow_id.clone(),
        workflow_type: from.workflow_type.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        task_queue: from.task_queue.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        input: arguments(from.input.as_ref()),
        workflow_execution_timeout: bridge::option(from.workflow_execution_timeout.as_ref()),
        workflow_run_timeout: bridge::option(from.workflow_run_timeout.as_ref()),
        workflow_task_timeout: bridge::option(from.workflow_task_timeout.as_ref()),
        parent_close_policy: from.parent_close_policy,
        workflow_id_reuse_policy: from.workflow_id_reuse_policy,
        retry_policy: bridge::option(from.retry_policy.as_ref()),
        cron_schedule: from.cron_schedule.clone(),
        headers: headers(from.header.as_ref()),
        memo: from.memo.as_ref().map(|memo| bridge::map(&memo.fields)).unwrap_or_default(),
        search_attributes: bridge::option(from.search_attributes.as_ref()),
        cancellation_type: match cancellation {
            ChildWorkflowCancellation::Abandon => ChildWorkflowCancellationType::Abandon,
            ChildWorkflowCancellation::TryCancel => ChildWorkflowCancellationType::TryCancel,
            ChildWorkflowCancellation::WaitCancellationCompleted => {
                ChildWorkflowCancellationType::WaitCancellationCompleted
            }
            ChildWorkflowCancellation::WaitCancellationRequested => {
                ChildWorkflowCancellationType::WaitCancellationRequested
            }
        }
        .into(),
        priority: bridge::option(from.priority.as_ref()),
        ..StartChildWorkflowExecution::default()
    }
}

fn signal_external(
    seq: u32,
    from: &SignalExternalWorkflowExecutionCommandAttributes,
) -> SignalExternalWorkflowExecution {
    let execution = from.execution.clone().unwrap_or_default();
    SignalExternalWorkflowExecution {
        seq,
        signal_name: from.signal_name.clone(),
        args: arguments(from.input.as_ref()),
        headers: headers(from.header.as_ref()),
        target: Some(if from.child_workflow_only {
            Target::ChildWorkflowId(execution.workflow_id)
        } else {
            Target::WorkflowExecution(NamespacedWorkflowExecution {
                namespace: from.namespace.clone(),
                workflow_id: execution.workflow_id,
                run_id: execution.run_id,
            })
        }),
    }
}

fn cancel_external(
    seq: u32,
    from: &RequestCancelExternalWorkflowExecutionCommandAttributes,
) -> RequestCancelExternalWorkflowExecution {
    RequestCancelExternalWorkflowExecution {
        seq,
        workflow_execution: Some(NamespacedWorkflowExecution {
            namespace: from.namespace.clone(),
            workflow_id: from.workflow_id.clone(),
            run_id: from.run_id.clone(),
        }),
        reason: from.reason.clone(),
    }
}

fn schedule_nexus(
    seq: u32,
    from: &ScheduleNexusOperationCommandAttributes,
    cancellation: NexusCancellation,
) -> ScheduleNexusOperation {
    ScheduleNexusOperation {
        seq,
        endpoint: from.endpoint.clone(),
        service: from.service.clone(),
        operation: from.operation.clone(),
        input: bridge::option(from.input.as_ref()),
        schedule_to_close_timeout: bridge::option(from.schedule_to_close_timeout.as_ref()),
        nexus_header: from.nexus_header.clone().into_iter().collect(),
        cancellation_type: match cancellation {
            NexusCancellation::WaitCancellationCompleted => {
                NexusOperationCancellationType::WaitCancellationCompleted
            }
            NexusCancellation::Abandon => NexusOperationCancellationType::Abandon,
            NexusCancellation::TryCancel => NexusOperationCancellationType::TryCancel,
            NexusCancellation::WaitCancellationRequested => {
                NexusOperationCancellationType::WaitCancellationRequested
            }
        }
        .into(),
        ..ScheduleNexusOperation::default()
    }
}

fn continue_as_new(from: &ContinueAsNewWorkflowExecutionCommandAttributes) -> ContinueAsNewWorkflowExecution {
    ContinueAsNewWorkflowExecution {
        workflow_type: from.workflow_type.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        task_queue: from.task_queue.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        arguments: arguments(from.input.as_ref()),
        workflow_run_timeout: bridge::option(from.workflow_run_timeout.as_ref()),
        workflow_task_timeout: bridge::option(from.workflow_task_timeout.as_ref()),
        memo: from.memo.as_ref().map(|memo| bridge::map(&memo.fields)).unwrap_or_default(),
        headers: headers(from.header.as_ref()),
        search_attributes: bridge::option(from.search_attributes.as_ref()),
        retry_policy: bridge::option(from.retry_policy.as_ref()),
        ..ContinueAsNewWorkflowExecution::default()
    }
}

fn update_outcome(outcome: &Outcome) -> Response {
    match outcome {
        Outcome::Completed(result) => {
            Response::Completed(bridge::message(&result.clone().unwrap_or_else(Payload::default)))
        }
        Outcome::Failed(failure) | Outcome::Canceled(failure) => {
            Response::Rejected(bridge::message(failure.as_ref()))
        }
    }
}

fn activity_cancellation(cancellation: ActivityCancellation) -> ActivityCancellationType {
    match cancellation {
        ActivityCancellation::TryCancel => ActivityCancellationType::TryCancel,
        ActivityCancellation::WaitCancellationCompleted => {
            ActivityCancellationType::WaitCancellationCompleted
        }
        ActivityCancellation::Abandon => ActivityCancellationType::Abandon,
    }
}

/// Our core takes the sequence number where a guest gives none; sdk-core leaves that to the guest.
fn activity_id(seq: u32, id: &str) -> String {
    if id.is_empty() { seq.to_string() } else { id.to_owned() }
}

fn headers(header: Option<&Header>) -> HashMap<String, theirs::Payload> {
    header.map(|header| bridge::map(&header.fields)).unwrap_or_default()
}

fn arguments(payloads: Option<&Payloads>) -> Vec<theirs::Payload> {
    payloads.map(|payloads| bridge::list(&payloads.payloads)).unwrap_or_default()
}
