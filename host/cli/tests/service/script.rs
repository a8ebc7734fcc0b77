//! A worker that answers workflow tasks with commands that were written beforehand.

use std::{
    thread::{self, JoinHandle},
    time::Instant,
};

use host_service::{ConnectOptions, RemoteService, WorkflowService as _};
use host_wire::temporal::api::{
    command::v1::{
        Command, CompleteWorkflowExecutionCommandAttributes, ContinueAsNewWorkflowExecutionCommandAttributes,
        FailWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
        ScheduleNexusOperationCommandAttributes, command::Attributes,
    },
    common::v1::{ActivityType, WorkflowType},
    enums::v1::CommandType,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{
        PollActivityTaskQueueRequest, PollWorkflowTaskQueueRequest, RespondWorkflowTaskCompletedRequest,
    },
};
use tonic::Request;

use crate::machine::PATIENCE;

const NAMESPACE: &str = "default";
const IDENTITY: &str = "script";
/// Task queue of activities that are ended from outside.
const OUTSIDE: &str = "outside";

/// Answers the workflow tasks of a queue, one after another, each with one command.
pub(crate) fn answer(address: &str, queue: &str, commands: Vec<Command>) -> JoinHandle<()> {
    answer_all(address, queue, commands.into_iter().map(|command| vec![command]).collect())
}

/// Answers the workflow tasks of a queue, one after another, each with some commands.
pub(crate) fn answer_all(address: &str, queue: &str, tasks: Vec<Vec<Command>>) -> JoinHandle<()> {
    let options = ConnectOptions::to(address);
    let queue = TaskQueue { name: queue.to_owned(), ..TaskQueue::default() };
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let service = RemoteService::connect(&options).await.unwrap();
            for commands in tasks {
                let task_token = poll(&service, queue.clone()).await;
                let answer = RespondWorkflowTaskCompletedRequest {
                    task_token,
                    commands,
                    identity: IDENTITY.to_owned(),
                    namespace: NAMESPACE.to_owned(),
                    ..RespondWorkflowTaskCompletedRequest::default()
                };
                service.respond_workflow_task_completed(Request::new(answer)).await.unwrap();
            }
        });
    })
}

async fn poll(service: &RemoteService, task_queue: TaskQueue) -> bytes::Bytes {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        let poll = PollWorkflowTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: Some(task_queue.clone()),
            identity: IDENTITY.to_owned(),
            ..PollWorkflowTaskQueueRequest::default()
        };
        let task = service.poll_workflow_task_queue(Request::new(poll)).await.unwrap().into_inner();
        if !task.task_token.is_empty() {
            return task.task_token;
        }
    }
    panic!("no task came")
}

/// Starts the activity of [`activity`], and never ends it.
pub(crate) fn start_activity(address: &str) {
    let options = ConnectOptions::to(address);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let poll = PollActivityTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: Some(TaskQueue { name: OUTSIDE.to_owned(), ..TaskQueue::default() }),
            identity: IDENTITY.to_owned(),
            ..PollActivityTaskQueueRequest::default()
        };
        let service = RemoteService::connect(&options).await.unwrap();
        let task = service.poll_activity_task_queue(Request::new(poll)).await.unwrap().into_inner();
        assert!(!task.task_token.is_empty(), "no activity within the time of a poll");
    });
}

/// The workflow completes with this JSON.
pub(crate) fn completed(json: &str) -> Command {
    let attributes = CompleteWorkflowExecutionCommandAttributes {
        result: Some(vec![guest_sdk_types::Payload::from_json(json)].into()),
    };
    command(
        CommandType::CompleteWorkflowExecution,
        Attributes::CompleteWorkflowExecutionCommandAttributes(Box::new(attributes)),
    )
}

/// The workflow fails, with this text wherever a failure has one.
pub(crate) fn failed_with(text: &str) -> Command {
    let cause = guest_sdk_types::Failure::application(text, text).detail(text).unwrap().build();
    let mut failure = guest_sdk_types::Failure::application(text, text).cause(cause).build();
    failure.source = text.to_owned();
    failure.stack_trace = text.to_owned();
    let attributes = FailWorkflowExecutionCommandAttributes { failure: Some(failure.into()) };
    command(
        CommandType::FailWorkflowExecution,
        Attributes::FailWorkflowExecutionCommandAttributes(Box::new(attributes)),
    )
}

/// The workflow fails, with a cause.
pub(crate) fn failed() -> Command {
    let cause = guest_sdk_types::Failure::application("Timeout", "the bank is silent").build();
    let failure = guest_sdk_types::Failure::application("Refused", "no such customer")
        .non_retryable()
        .detail(&std::collections::BTreeMap::from([("id", 7)]))
        .unwrap()
        .cause(cause)
        .build();
    let attributes = FailWorkflowExecutionCommandAttributes { failure: Some(failure.into()) };
    command(
        CommandType::FailWorkflowExecution,
        Attributes::FailWorkflowExecutionCommandAttributes(Box::new(attributes)),
    )
}

/// The workflow has an activity that ends from outside.
pub(crate) fn activity(activity_id: &str) -> Command {
    let attributes = ScheduleActivityTaskCommandAttributes {
        activity_id: activity_id.to_owned(),
        activity_type: Some(ActivityType { name: "Approve".to_owned() }),
        task_queue: Some(TaskQueue { name: OUTSIDE.to_owned(), ..TaskQueue::default() }),
        start_to_close_timeout: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        ..ScheduleActivityTaskCommandAttributes::default()
    };
    command(
        CommandType::ScheduleActivityTask,
        Attributes::ScheduleActivityTaskCommandAttributes(Box::new(attributes)),
    )
}

/// The workflow calls an operation of the service `s`, with a number.
pub(crate) fn nexus_operation(endpoint: &str, operation: &str) -> Command {
    let attributes = ScheduleNexusOperationCommandAttributes {
        endpoint: endpoint.to_owned(),
        service: "s".to_owned(),
        operation: operation.to_owned(),
        input: Some(guest_sdk_types::Payload::from_json("7").into()),
        schedule_to_close_timeout: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        ..ScheduleNexusOperationCommandAttributes::default()
    };
    command(
        CommandType::ScheduleNexusOperation,
        Attributes::ScheduleNexusOperationCommandAttributes(Box::new(attributes)),
    )
}

/// The workflow continues as a new run of the same type.
pub(crate) fn continued_as_new() -> Command {
    let attributes = ContinueAsNewWorkflowExecutionCommandAttributes {
        workflow_type: Some(WorkflowType { name: "T".to_owned() }),
        ..ContinueAsNewWorkflowExecutionCommandAttributes::default()
    };
    command(
        CommandType::ContinueAsNewWorkflowExecution,
        Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(Box::new(attributes)),
    )
}

fn command(kind: CommandType, attributes: Attributes) -> Command {
    Command { command_type: kind.into(), attributes: Some(attributes), ..Command::default() }
}
