//! Requests and commands from the words of a script.

use host_wire::{
    duration_to_proto,
    temporal::api::{
        activity::v1::ActivityOptions,
        command::v1::{command::Attributes, *},
        common::v1::{
            ActivityType, Memo, Payload, Payloads, RetryPolicy, SearchAttributes, WorkflowExecution,
            WorkflowType,
        },
        enums::v1::{ResetReapplyExcludeType, WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
        failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        protocol::v1::Message,
        taskqueue::v1::TaskQueue,
        update::v1::{Acceptance, Input, Meta, Outcome, Rejection, Request, Response, outcome},
        workflow::v1::{VersioningOverride, WorkflowExecutionOptions, versioning_override::Override},
        workflowservice::v1::{ResetWorkflowExecutionRequest, StartWorkflowExecutionRequest},
    },
};
use prost::Name;
use prost_types::{Any, FieldMask};

use crate::execution::{record::RunNumber, run::Run, update::admit::Update};

/// A reset to an event, of the latest of the runs unless one is given by its place.
pub(crate) fn reset_request(arguments: &[&str], runs: &[(RunNumber, Run)]) -> ResetWorkflowExecutionRequest {
    let mut request = ResetWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: runs.last().map(|(_, run)| run.execution()),
        reason: "reset".to_owned(),
        workflow_task_finish_event_id: arguments[0].parse().unwrap(),
        request_id: format!("reset-{}", runs.len()),
        ..Default::default()
    };
    for argument in &arguments[1..] {
        match argument.split_once('=').unwrap() {
            ("run", index) => {
                let index: usize = index.parse().unwrap();
                request.workflow_execution = runs.get(index).map(|(_, run)| run.execution());
            }
            ("request", id) => id.clone_into(&mut request.request_id),
            ("exclude", types) => {
                let name = |of: &str| format!("RESET_REAPPLY_EXCLUDE_TYPE_{}", of.to_uppercase());
                let types =
                    types.split(',').map(|of| ResetReapplyExcludeType::from_str_name(&name(of)).unwrap());
                request.reset_reapply_exclude_types = types.map(Into::into).collect();
            }
            other => panic!("no such argument: {other:?}"),
        }
    }
    request
}

pub(crate) fn start_request(arguments: &[&str], id: &str) -> StartWorkflowExecutionRequest {
    let mut request = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: id.to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
        ..Default::default()
    };
    for argument in arguments {
        let (key, value) = argument.split_once('=').unwrap();
        match key {
            "request" => request.request_id = value.to_owned(),
            "type" => request.workflow_type = Some(WorkflowType { name: value.to_owned() }),
            "run" => request.workflow_run_timeout = Some(seconds(value)),
            "cron" => request.cron_schedule = value.replace('_', " "),
            "delay" => request.workflow_start_delay = Some(seconds(value)),
            "attempts" => request.retry_policy = Some(retry(value)),
            "reuse" => {
                let name = format!("WORKFLOW_ID_REUSE_POLICY_{value}");
                request.set_workflow_id_reuse_policy(WorkflowIdReusePolicy::from_str_name(&name).unwrap());
            }
            "conflict" => {
                let name = format!("WORKFLOW_ID_CONFLICT_POLICY_{value}");
                request
                    .set_workflow_id_conflict_policy(WorkflowIdConflictPolicy::from_str_name(&name).unwrap());
            }
            other => panic!("no such key: {other}"),
        }
    }
    request
}

/// `activity:ID[:key=value…]`, `timer:ID:SECONDS`, `complete`, …
pub(crate) fn command(text: &str) -> Command {
    let mut parts = text.split(':');
    let kind = parts.next().unwrap();
    let id = parts.next().unwrap_or_default().to_owned();
    let rest: Vec<&str> = parts.collect();
    let attributes = match kind {
        "activity" => {
            Attributes::ScheduleActivityTaskCommandAttributes(Box::new(activity_command(id, &rest)))
        }
        "cancel-activity" => Attributes::RequestCancelActivityTaskCommandAttributes(Box::new(
            RequestCancelActivityTaskCommandAttributes { scheduled_event_id: id.parse().unwrap() },
        )),
        "timer" => Attributes::StartTimerCommandAttributes(Box::new(StartTimerCommandAttributes {
            timer_id: id,
            start_to_fire_timeout: rest.first().map(|text| seconds(text)),
        })),
        "cancel-timer" => {
            Attributes::CancelTimerCommandAttributes(Box::new(CancelTimerCommandAttributes { timer_id: id }))
        }
        "marker" => Attributes::RecordMarkerCommandAttributes(Box::new(RecordMarkerCommandAttributes {
            marker_name: id,
            ..Default::default()
        })),
        "upsert" => Attributes::UpsertWorkflowSearchAttributesCommandAttributes(Box::new(
            UpsertWorkflowSearchAttributesCommandAttributes {
                search_attributes: Some(SearchAttributes { indexed_fields: [(id, json("1"))].into() }),
            },
        )),
        "memo" => Attributes::ModifyWorkflowPropertiesCommandAttributes(Box::new(
            ModifyWorkflowPropertiesCommandAttributes {
                upserted_memo: Some(Memo { fields: [(id, payload("1"))].into() }),
            },
        )),
        "complete" => Attributes::CompleteWorkflowExecutionCommandAttributes(Box::default()),
        "cancel" => Attributes::CancelWorkflowExecutionCommandAttributes(Box::default()),
        "continue" => Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(Box::default()),
        "fail" => Attributes::FailWorkflowExecutionCommandAttributes(Box::new(
            FailWorkflowExecutionCommandAttributes { failure: Some(failure("Oops")) },
        )),
        "child" => Attributes::StartChildWorkflowExecutionCommandAttributes(Box::new(
            StartChildWorkflowExecutionCommandAttributes {
                workflow_id: id,
                workflow_type: Some(WorkflowType { name: "Child".to_owned() }),
                parent_close_policy: rest.first().map_or(0, |policy| policy.parse().unwrap()),
                workflow_run_timeout: rest.get(1).map(|text| seconds(text)),
                cron_schedule: rest.get(2).map(|text| text.replace('_', " ")).unwrap_or_default(),
                ..Default::default()
            },
        )),
        "signal" => Attributes::SignalExternalWorkflowExecutionCommandAttributes(Box::new(
            SignalExternalWorkflowExecutionCommandAttributes {
                execution: Some(WorkflowExecution { workflow_id: id, run_id: String::new() }),
                signal_name: "hello".to_owned(),
                ..Default::default()
            },
        )),
        "cancel-external" => Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(Box::new(
            RequestCancelExternalWorkflowExecutionCommandAttributes { workflow_id: id, ..Default::default() },
        )),
        "nexus" => Attributes::ScheduleNexusOperationCommandAttributes(Box::new(
            ScheduleNexusOperationCommandAttributes {
                endpoint: "endpoint".to_owned(),
                service: "service".to_owned(),
                operation: id,
                schedule_to_close_timeout: rest.first().map(|text| seconds(text)),
                ..Default::default()
            },
        )),
        "cancel-nexus" => Attributes::RequestCancelNexusOperationCommandAttributes(Box::new(
            RequestCancelNexusOperationCommandAttributes { scheduled_event_id: id.parse().unwrap() },
        )),
        other => panic!("no such command: {other}"),
    };
    Command { attributes: Some(attributes), ..Command::default() }
}

/// Whether a word of a completion is about an update.
pub(crate) fn is_of_update(word: &str) -> bool {
    ["accept:", "finish:", "reject:", "revive:", "late:"].iter().any(|verb| word.starts_with(verb))
}

/// `accept:ID`, `finish:ID`, `reject:ID`: the message, and its command if it has one. `revive:ID` is an acceptance with
/// the whole request, `late:ID` one without a command.
pub(crate) fn message(word: &str) -> (Option<Command>, Message) {
    let (verb, id) = word.split_once(':').unwrap();
    let request_id = format!("{id}/request");
    let accept = |request: Option<Request>| {
        any(&Acceptance {
            accepted_request_message_id: request_id.clone(),
            accepted_request_sequencing_event_id: 1,
            accepted_request: request,
        })
    };
    let body = match verb {
        "accept" | "late" => accept(None),
        "revive" => accept(Some(update_request(id).request)),
        "finish" => any(&Response {
            meta: Some(Meta { update_id: id.to_owned(), identity: String::new() }),
            outcome: Some(Outcome { value: Some(outcome::Value::Success(Payloads::default())) }),
        }),
        "reject" => any(&Rejection {
            rejected_request_message_id: request_id.clone(),
            rejected_request_sequencing_event_id: 1,
            rejected_request: None,
            failure: Some(failure("No")),
        }),
        other => panic!("no such word: {other}"),
    };
    let message_id = format!("{request_id}/{verb}");
    let message = Message {
        id: message_id.clone(),
        protocol_instance_id: id.to_owned(),
        body: Some(body),
        sequencing_id: None,
    };
    let attributes = ProtocolMessageCommandAttributes { message_id };
    let attributes = Attributes::ProtocolMessageCommandAttributes(Box::new(attributes));
    let command = Command { attributes: Some(attributes), ..Command::default() };
    ((verb != "reject" && verb != "late").then_some(command), message)
}

fn any<M: Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}

/// The request of an update with this id.
pub(crate) fn update_request(id: &str) -> Update {
    Update {
        request: Request {
            meta: Some(Meta { update_id: id.to_owned(), identity: "client".to_owned() }),
            input: Some(Input { name: "update".to_owned(), ..Input::default() }),
            ..Request::default()
        },
        wait_stage: Default::default(),
    }
}

fn activity_command(id: String, keys: &[&str]) -> ScheduleActivityTaskCommandAttributes {
    let mut activity = ScheduleActivityTaskCommandAttributes {
        activity_id: id,
        activity_type: Some(ActivityType { name: "Activity".to_owned() }),
        start_to_close_timeout: Some(seconds("10")),
        ..Default::default()
    };
    for key in keys {
        let (key, value) = key.split_once('=').unwrap();
        match key {
            "close" => activity.schedule_to_close_timeout = Some(seconds(value)),
            "start" => activity.schedule_to_start_timeout = Some(seconds(value)),
            "run" => activity.start_to_close_timeout = Some(seconds(value)),
            "beat" => activity.heartbeat_timeout = Some(seconds(value)),
            "attempts" => activity.retry_policy = Some(retry(value)),
            "eager" => activity.request_eager_execution = true,
            other => panic!("no such key: {other}"),
        }
    }
    activity
}

pub(crate) fn failure(kind: &str) -> Failure {
    Failure {
        message: "it failed".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type: kind.to_owned(),
            non_retryable: kind == "Never",
            ..Default::default()
        })),
        ..Failure::default()
    }
}

/// Options of an activity, and their names.
pub(crate) fn activity_options(arguments: &[&str]) -> (ActivityOptions, FieldMask) {
    let mut options = ActivityOptions::default();
    let policy = options.retry_policy.get_or_insert_default();
    let mut paths = Vec::new();
    for argument in arguments {
        let (key, value) = argument.split_once('=').unwrap();
        let path = match key {
            "queue" => {
                options.task_queue = Some(TaskQueue { name: value.to_owned(), ..TaskQueue::default() });
                "task_queue.name"
            }
            "run" => {
                options.start_to_close_timeout = Some(seconds(value));
                "start_to_close_timeout"
            }
            "attempts" => {
                policy.maximum_attempts = value.parse().unwrap();
                "retry_policy.maximum_attempts"
            }
            "interval" => {
                policy.initial_interval = Some(seconds(value));
                "retryPolicy.initialInterval"
            }
            other => panic!("no such key: {other}"),
        };
        paths.push(path.to_owned());
    }
    (options, FieldMask { paths })
}

pub(crate) fn versioning_override(word: &str) -> (WorkflowExecutionOptions, FieldMask) {
    let auto = VersioningOverride { r#override: Some(Override::AutoUpgrade(true)), ..Default::default() };
    let versioning_override = (word == "auto").then_some(auto);
    let options = WorkflowExecutionOptions { versioning_override, ..Default::default() };
    (options, FieldMask { paths: vec!["versioning_override".to_owned()] })
}

/// Details of a heartbeat.
pub(crate) fn details(text: &str) -> Payloads {
    Payloads { payloads: vec![Payload { data: text.to_owned().into(), ..Payload::default() }] }
}

fn payload(text: &'static str) -> Payload {
    Payload { data: text.into(), ..Payload::default() }
}

fn json(text: &'static str) -> Payload {
    Payload { metadata: [("encoding".to_owned(), "json/plain".into())].into(), ..payload(text) }
}

fn seconds(text: &str) -> prost_types::Duration {
    duration_to_proto(std::time::Duration::from_secs_f64(text.parse().unwrap()))
}

fn retry(attempts: &str) -> RetryPolicy {
    RetryPolicy { maximum_attempts: attempts.parse().unwrap(), ..RetryPolicy::default() }
}
