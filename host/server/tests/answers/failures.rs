//! Failures of every kind on attempts before the last and on the last, of activities and of runs.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::{
            FailWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
            command::Attributes,
        },
        common::v1::{ActivityType, RetryPolicy},
        enums::v1::{EventType, TimeoutType},
        failure::v1::{
            ApplicationFailureInfo, CanceledFailureInfo, Failure, ServerFailureInfo, TerminatedFailureInfo,
            TimeoutFailureInfo, failure::FailureInfo,
        },
        workflowservice::v1::{
            DescribeWorkflowExecutionRequest, PollActivityTaskQueueRequest, RespondActivityTaskFailedRequest,
        },
    },
};
use prost_types::Duration;

use crate::client::{Client, NAMESPACE, refusal, seconds};

fn application(kind: &str, non_retryable: bool, delay: Option<Duration>) -> Option<FailureInfo> {
    Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
        r#type: kind.to_owned(),
        non_retryable,
        next_retry_delay: delay,
        ..Default::default()
    }))
}

fn timeout(kind: TimeoutType) -> Option<FailureInfo> {
    Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
        timeout_type: kind.into(),
        last_heartbeat_details: None,
    }))
}

fn kinds() -> Vec<(&'static str, Option<FailureInfo>)> {
    let server = |non_retryable| Some(FailureInfo::ServerFailureInfo(ServerFailureInfo { non_retryable }));
    vec![
        ("nothing said", None),
        ("application", application("Oops", false, None)),
        ("non-retryable application", application("Oops", true, None)),
        ("non-retryable type", application("Never", false, None)),
        ("delay of 3 s", application("Oops", false, seconds(3))),
        ("delay of 1000 s", application("Oops", false, seconds(1_000))),
        ("delay of 0 s", application("Oops", false, seconds(0))),
        ("server", server(false)),
        ("non-retryable server", server(true)),
        ("start to close", timeout(TimeoutType::StartToClose)),
        ("heartbeat", timeout(TimeoutType::Heartbeat)),
        ("schedule to close", timeout(TimeoutType::ScheduleToClose)),
        ("canceled", Some(FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default()))),
        ("terminated", Some(FailureInfo::TerminatedFailureInfo(TerminatedFailureInfo::default()))),
    ]
}

fn policy(maximum_attempts: i32) -> Option<RetryPolicy> {
    Some(RetryPolicy {
        initial_interval: seconds(5),
        maximum_interval: seconds(7),
        maximum_attempts,
        non_retryable_error_types: vec!["Never".to_owned(), "TemporalTimeout:Heartbeat".to_owned()],
        ..RetryPolicy::default()
    })
}

pub(crate) async fn answers(mut client: Client) -> String {
    let mut lines = Vec::new();
    for (attempts, maximum) in [("one of two", 2), ("last", 1)] {
        for (kind, info) in kinds() {
            let failure = Failure { message: kind.to_owned(), failure_info: info, ..Failure::default() };
            let run = run(&mut client, &format!("run {attempts} {kind}"), maximum, failure.clone()).await;
            lines.push(format!("run; {attempts}, {kind}: {run}"));
            let activity =
                activity(&mut client, &format!("activity {attempts} {kind}"), maximum, failure).await;
            lines.push(format!("activity; {attempts}, {kind}: {activity}"));
        }
    }
    lines.join("\n") + "\n"
}

async fn run(client: &mut Client, name: &str, maximum: i32, failure: Failure) -> String {
    let mut request = client.start_request(name);
    request.retry_policy = policy(maximum);
    let run_id = client.service.start_workflow_execution(request).await.unwrap().into_inner().run_id;
    let task = client.poll().await;
    let command = FailWorkflowExecutionCommandAttributes { failure: Some(failure) };
    let command = Attributes::FailWorkflowExecutionCommandAttributes(Box::new(command));
    client.complete(&task, vec![command]).await;
    let id = client.id(name);
    let last = client.history(&id, &run_id).await.pop().unwrap();
    let Some(EventAttributes::WorkflowExecutionFailedEventAttributes(failed)) = last.attributes else {
        panic!("{last:?}")
    };
    let mut answer = format!("{:?}", failed.retry_state());
    if !failed.new_execution_run_id.is_empty() {
        let first = client.history(&id, &failed.new_execution_run_id).await.swap_remove(0);
        let Some(EventAttributes::WorkflowExecutionStartedEventAttributes(started)) = first.attributes else {
            panic!("{first:?}")
        };
        let backoff = started.first_workflow_task_backoff.unwrap_or_default();
        answer += &format!(", attempt {} after {} s", started.attempt, backoff.seconds);
    }
    client.terminate(name).await;
    answer
}

async fn activity(client: &mut Client, name: &str, maximum: i32, failure: Failure) -> String {
    client.start(name).await;
    let task = client.poll().await;
    let command = ScheduleActivityTaskCommandAttributes {
        activity_id: "a".to_owned(),
        activity_type: Some(ActivityType { name: "Activity".to_owned() }),
        task_queue: client.queue(),
        schedule_to_close_timeout: seconds(5_000),
        retry_policy: policy(maximum),
        ..Default::default()
    };
    client.complete(&task, vec![Attributes::ScheduleActivityTaskCommandAttributes(Box::new(command))]).await;
    let mut request = tonic::Request::new(PollActivityTaskQueueRequest {
        namespace: NAMESPACE.to_owned(),
        task_queue: client.queue(),
        ..Default::default()
    });
    request.set_timeout(std::time::Duration::from_secs(20));
    let task = client.service.poll_activity_task_queue(request).await.unwrap().into_inner();
    let request = RespondActivityTaskFailedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: task.task_token,
        failure: Some(failure),
        ..Default::default()
    };
    if let Err(status) = client.service.respond_activity_task_failed(request).await {
        client.terminate(name).await;
        return refusal(&status);
    }
    let request = DescribeWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        execution: Some(client.execution(name)),
    };
    let described = client.service.describe_workflow_execution(request).await.unwrap().into_inner();
    let answer = match described.pending_activities.first() {
        Some(pending) => {
            let wait = pending.current_retry_interval.unwrap_or_default();
            format!("InProgress, attempt {} after {} s", pending.attempt, wait.seconds)
        }
        None => {
            let EventAttributes::ActivityTaskFailedEventAttributes(failed) =
                client.event(name, EventType::ActivityTaskFailed).await
            else {
                panic!("not a failed activity")
            };
            format!("{:?}", failed.retry_state())
        }
    };
    client.terminate(name).await;
    answer
}
