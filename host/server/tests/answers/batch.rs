//! Batch operations: what is refused, and what each does to the workflows that it is about.

use std::{fmt::Write as _, time::Duration};

use host_wire::{
    EventAttributes,
    temporal::api::{
        activity::v1::ActivityOptions,
        batch::v1::{
            batch_operation_reset_activities as reset_activities,
            batch_operation_unpause_activities as unpause_activities,
            batch_operation_update_activity_options as update_activities, *,
        },
        command::v1::{ScheduleActivityTaskCommandAttributes, command::Attributes},
        common::v1::{
            ActivityType, Payloads, ResetOptions, WorkflowExecution, WorkflowType, reset_options::Target,
        },
        enums::v1::{BatchOperationState, ResetType, WorkflowExecutionStatus},
        workflow::v1::{VersioningOverride, WorkflowExecutionOptions, versioning_override::Override},
        workflowservice::v1::{start_batch_operation_request::Operation as O, *},
    },
};
use prost_types::FieldMask;
use tonic::Code;

use crate::client::{Client, NAMESPACE, completion, json, new_id, refusal, seconds};

const REASON: &str = "the reason";
const IDENTITY: &str = "the operator";

pub(crate) async fn answers(mut client: Client) -> String {
    let mut lines = String::new();
    for (name, request) in refused() {
        let answer = client.service.start_batch_operation(request).await;
        writeln!(
            lines,
            "refused; {name}: {}",
            answer.map_or_else(|status| refusal(&status), |_| "ok".to_owned())
        )
        .unwrap();
    }
    others(&mut client, &mut lines).await;
    for (name, operation) in operations() {
        let line = done(&mut client, name, operation).await;
        writeln!(lines, "{name}: {line}").unwrap();
    }
    lines
}

fn mask(path: &str) -> Option<FieldMask> {
    Some(FieldMask { paths: vec![path.to_owned()] })
}

fn operations() -> Vec<(&'static str, O)> {
    let identity = || IDENTITY.to_owned();
    let to = |target| {
        O::ResetOperation(BatchOperationReset {
            identity: IDENTITY.to_owned(),
            options: Some(ResetOptions { target: Some(target), ..Default::default() }),
            ..Default::default()
        })
    };
    let auto = VersioningOverride { r#override: Some(Override::AutoUpgrade(true)), ..Default::default() };
    vec![
        (
            "signal",
            O::SignalOperation(BatchOperationSignal {
                signal: "hello".to_owned(),
                input: Some(Payloads { payloads: vec![json("1")] }),
                identity: identity(),
                ..Default::default()
            }),
        ),
        ("cancel", O::CancellationOperation(BatchOperationCancellation { identity: identity() })),
        (
            "terminate",
            O::TerminationOperation(BatchOperationTermination { identity: identity(), ..Default::default() }),
        ),
        (
            "options",
            O::UpdateWorkflowOptionsOperation(BatchOperationUpdateWorkflowExecutionOptions {
                identity: identity(),
                workflow_execution_options: Some(WorkflowExecutionOptions {
                    versioning_override: Some(auto),
                    ..Default::default()
                }),
                update_mask: mask("versioning_override"),
            }),
        ),
        ("reset to first", to(Target::FirstWorkflowTask(()))),
        ("reset to last", to(Target::LastWorkflowTask(()))),
        (
            "reset by type",
            O::ResetOperation(BatchOperationReset {
                identity: identity(),
                reset_type: ResetType::LastWorkflowTask.into(),
                ..Default::default()
            }),
        ),
        (
            "reset activities",
            O::ResetActivitiesOperation(BatchOperationResetActivities {
                identity: identity(),
                activity: Some(reset_activities::Activity::MatchAll(true)),
                ..Default::default()
            }),
        ),
        (
            "activity options",
            O::UpdateActivityOptionsOperation(BatchOperationUpdateActivityOptions {
                identity: identity(),
                activity: Some(update_activities::Activity::Type("Activity".to_owned())),
                activity_options: Some(ActivityOptions {
                    start_to_close_timeout: seconds(77),
                    ..Default::default()
                }),
                update_mask: mask("start_to_close_timeout"),
                ..Default::default()
            }),
        ),
        ("delete", O::DeletionOperation(BatchOperationDeletion { identity: identity() })),
    ]
}

/// A request that is done, to workflows of a type.
fn request(client: &Client, job: &str, kind: &str, operation: O) -> StartBatchOperationRequest {
    StartBatchOperationRequest {
        namespace: NAMESPACE.to_owned(),
        job_id: client.id(job),
        reason: REASON.to_owned(),
        visibility_query: format!("WorkflowType = '{kind}'"),
        operation: Some(operation),
        ..Default::default()
    }
}

/// Requests without one thing each.
fn refused() -> Vec<(&'static str, StartBatchOperationRequest)> {
    let (_, operation) = operations().remove(1);
    let whole = StartBatchOperationRequest {
        namespace: NAMESPACE.to_owned(),
        job_id: new_id(),
        reason: REASON.to_owned(),
        visibility_query: "WorkflowType = 'Nothing'".to_owned(),
        operation: Some(operation),
        ..Default::default()
    };
    let with = |operation| StartBatchOperationRequest { operation: Some(operation), ..whole.clone() };
    let unpause = |activity| {
        with(O::UnpauseActivitiesOperation(BatchOperationUnpauseActivities {
            activity,
            ..Default::default()
        }))
    };
    let reset_activities = |activity| {
        with(O::ResetActivitiesOperation(BatchOperationResetActivities { activity, ..Default::default() }))
    };
    let options = |activity_options, restore_original, activity| {
        with(O::UpdateActivityOptionsOperation(BatchOperationUpdateActivityOptions {
            activity_options,
            restore_original,
            activity,
            ..Default::default()
        }))
    };
    vec![
        ("no operation", StartBatchOperationRequest { operation: None, ..whole.clone() }),
        ("no reason", StartBatchOperationRequest { reason: String::new(), ..whole.clone() }),
        ("no job id", StartBatchOperationRequest { job_id: String::new(), ..whole.clone() }),
        ("no namespace", StartBatchOperationRequest { namespace: String::new(), ..whole.clone() }),
        ("another namespace", StartBatchOperationRequest { namespace: "none".to_owned(), ..whole.clone() }),
        ("no workflows", StartBatchOperationRequest { visibility_query: String::new(), ..whole.clone() }),
        (
            "reset to nothing",
            with(O::ResetOperation(BatchOperationReset {
                options: Some(ResetOptions::default()),
                ..Default::default()
            })),
        ),
        ("reset by no type", with(O::ResetOperation(BatchOperationReset::default()))),
        ("reset by an unknown type", {
            with(O::ResetOperation(BatchOperationReset { reset_type: 99, ..Default::default() }))
        }),
        ("unpause nothing", unpause(None)),
        ("unpause no type", unpause(Some(unpause_activities::Activity::Type(String::new())))),
        ("unpause not all", unpause(Some(unpause_activities::Activity::MatchAll(false)))),
        ("reset no activities", reset_activities(None)),
        ("reset no type", reset_activities(Some(reset_activities::Activity::Type(String::new())))),
        ("reset not all", reset_activities(Some(reset_activities::Activity::MatchAll(false)))),
        ("no activity options", options(None, false, Some(update_activities::Activity::MatchAll(true)))),
        (
            "activity options and restored",
            options(
                Some(ActivityOptions::default()),
                true,
                Some(update_activities::Activity::MatchAll(true)),
            ),
        ),
        (
            "activity options of no type",
            options(None, true, Some(update_activities::Activity::Type(String::new()))),
        ),
    ]
}

/// The other calls, and job ids that repeat.
async fn others(client: &mut Client, lines: &mut String) {
    let (namespace, job_id) = (NAMESPACE.to_owned(), client.id("once"));
    let (_, operation) = operations().remove(1);
    let whole = request(client, "once", "Nothing", operation);
    client.service.start_batch_operation(whole.clone()).await.unwrap();
    let ended = wait(client, &job_id).await;
    writeln!(lines, "of nothing: {}", shown(&ended)).unwrap();
    let again = client.service.start_batch_operation(whole).await.unwrap_err();
    writeln!(lines, "again: {}", refusal(&again)).unwrap();
    for (name, job_id, namespace, reason) in [
        ("no job id", String::new(), namespace.clone(), REASON),
        ("no namespace", job_id.clone(), String::new(), REASON),
        ("no reason", job_id.clone(), namespace.clone(), ""),
        ("missing", client.id("missing"), namespace.clone(), REASON),
        ("ended", job_id, namespace, REASON),
    ] {
        let stop = StopBatchOperationRequest {
            namespace: namespace.clone(),
            job_id: job_id.clone(),
            reason: reason.to_owned(),
            identity: IDENTITY.to_owned(),
        };
        let status = client.service.stop_batch_operation(stop).await.unwrap_err();
        writeln!(lines, "stop; {name}: {}", refusal(&status)).unwrap();
        let describe = DescribeBatchOperationRequest { namespace, job_id };
        let described = client.service.describe_batch_operation(describe).await;
        let described = described.map_or_else(|status| refusal(&status), |it| shown(it.get_ref()));
        writeln!(lines, "describe; {name}: {described}").unwrap();
    }
    let listed = client.service.list_batch_operations(ListBatchOperationsRequest::default()).await;
    writeln!(lines, "list; no namespace: {}", refusal(&listed.unwrap_err())).unwrap();
}

/// Two open workflows and a closed one, after the operation.
async fn done(client: &mut Client, name: &str, operation: O) -> String {
    let kind = format!("Batch {name}");
    let mut runs = Vec::new();
    for workflow in ["a", "b", "closed"] {
        let name = format!("{name} {workflow}");
        let request = StartWorkflowExecutionRequest {
            workflow_type: Some(WorkflowType { name: kind.clone() }),
            ..client.start_request(&name)
        };
        let run_id = client.service.start_workflow_execution(request).await.unwrap().into_inner().run_id;
        runs.push(WorkflowExecution { workflow_id: client.id(&name), run_id });
        let task = client.poll().await;
        let activity = ScheduleActivityTaskCommandAttributes {
            activity_id: "1".to_owned(),
            activity_type: Some(ActivityType { name: "Activity".to_owned() }),
            task_queue: client.queue(),
            start_to_close_timeout: seconds(60),
            ..Default::default()
        };
        let command = match workflow {
            "closed" => completion(),
            _ => Attributes::ScheduleActivityTaskCommandAttributes(Box::new(activity)),
        };
        client.complete(&task, vec![command]).await;
    }
    let of_kind = format!("WorkflowType = '{kind}'");
    until(client, &format!("{of_kind} AND ExecutionStatus = 'Completed'"), 1).await;
    until(client, &of_kind, 3).await;
    let request = request(client, &format!("job {name}"), &kind, operation);
    let job_id = request.job_id.clone();
    client.service.start_batch_operation(request).await.unwrap();
    let mut line = shown(&wait(client, &job_id).await);
    for run in &runs {
        let mut became = became(client, run).await;
        // Temporal's server deletes in its own time.
        while name == "delete" && became != "gone" {
            tokio::time::sleep(Duration::from_millis(50)).await;
            became = self::became(client, run).await;
        }
        write!(line, "; {became}").unwrap();
    }
    for run in &runs {
        let request = TerminateWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: Some(WorkflowExecution { run_id: String::new(), ..run.clone() }),
            ..Default::default()
        };
        // It may be closed, or gone.
        let _ = client.service.terminate_workflow_execution(request).await;
    }
    line
}

/// Waits until a list has so many workflows: Temporal's server makes it a moment later.
async fn until(client: &mut Client, query: &str, count: i64) {
    for _ in 0..200 {
        let request =
            CountWorkflowExecutionsRequest { namespace: NAMESPACE.to_owned(), query: query.to_owned() };
        if client.service.count_workflow_executions(request).await.unwrap().into_inner().count == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{query} does not find {count}")
}

/// Waits until a batch operation has ended.
async fn wait(client: &mut Client, job_id: &str) -> DescribeBatchOperationResponse {
    for _ in 0..400 {
        let request =
            DescribeBatchOperationRequest { namespace: NAMESPACE.to_owned(), job_id: job_id.to_owned() };
        let described = client.service.describe_batch_operation(request).await.unwrap().into_inner();
        if described.state() != BatchOperationState::Running {
            // The count of those that run comes from the list.
            until(client, "TemporalNamespaceDivision = 'TemporalBatcher' AND ExecutionStatus = 'Running'", 0)
                .await;
            return described;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{job_id} does not end")
}

fn shown(it: &DescribeBatchOperationResponse) -> String {
    format!(
        "{:?} {:?}, {} of {}, {} failed, by {:?} for {:?}",
        it.operation_type(),
        it.state(),
        it.complete_operation_count,
        it.total_operation_count,
        it.failure_operation_count,
        it.identity,
        it.reason,
    )
}

/// What became of a workflow.
async fn became(client: &mut Client, run: &WorkflowExecution) -> String {
    let latest = WorkflowExecution { run_id: String::new(), ..run.clone() };
    let request =
        DescribeWorkflowExecutionRequest { namespace: NAMESPACE.to_owned(), execution: Some(latest) };
    let described = match client.service.describe_workflow_execution(request).await {
        Ok(described) => described.into_inner(),
        Err(status) if status.code() == Code::NotFound => return "gone".to_owned(),
        Err(status) => return refusal(&status),
    };
    let info = described.workflow_execution_info.unwrap();
    let mut became = format!("{:?}", info.status());
    let is_open = info.status() == WorkflowExecutionStatus::Running;
    let run_id = info.execution.unwrap().run_id;
    if run_id != run.run_id {
        became += " another run";
    }
    // Temporal's server keeps those of closed runs.
    for activity in described.pending_activities.into_iter().filter(|_| is_open) {
        let options = activity.activity_options.unwrap_or_default();
        write!(became, ", an activity of {} s", options.start_to_close_timeout.unwrap_or_default().seconds)
            .unwrap();
    }
    let history = match client.history_if_any(&run.workflow_id, &run_id).await {
        Ok(history) => history,
        // Deleted since it was described.
        Err(status) if status.code() == Code::NotFound => return "gone".to_owned(),
        Err(status) => return refusal(&status),
    };
    for event in history {
        use EventAttributes as A;
        let told = match event.attributes {
            Some(A::WorkflowExecutionSignaledEventAttributes(it)) => {
                let inputs = it.input.unwrap_or_default().payloads.len();
                format!("{} with {inputs} inputs by {}", it.signal_name, it.identity)
            }
            Some(A::WorkflowExecutionCancelRequestedEventAttributes(_)) => "cancel requested".to_owned(),
            Some(A::WorkflowExecutionTerminatedEventAttributes(it)) => format!("for {:?}", it.reason),
            Some(A::WorkflowTaskFailedEventAttributes(it)) => {
                format!("{:?} by {}: {}", it.cause(), it.identity, it.failure.unwrap_or_default().message)
            }
            Some(A::WorkflowExecutionOptionsUpdatedEventAttributes(it)) => {
                format!("override {:?}", it.versioning_override.unwrap_or_default().r#override)
            }
            _ => continue,
        };
        write!(became, ", {told}").unwrap();
    }
    became
}
