//! Workflows with cron schedules: what a run begins with, for each end of the one before.

use std::time::Duration;

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::{
            CompleteWorkflowExecutionCommandAttributes, ContinueAsNewWorkflowExecutionCommandAttributes,
            FailWorkflowExecutionCommandAttributes, command::Attributes,
        },
        common::v1::{Payloads, RetryPolicy, WorkflowType},
        failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        history::v1::{HistoryEvent, WorkflowExecutionStartedEventAttributes},
    },
};

use crate::client::{Client, completion, json, refusal, seconds};

/// A second is the shortest interval.
const SCHEDULE: &str = "@every 1s";

pub(crate) async fn answers(mut client: Client) -> String {
    let mut lines = Vec::new();
    for schedule in ["nonsense", "0 0 31 2 *", "* * * * * *", "CRON_TZ=Nowhere/Land 0 0 * * *", "@daily"] {
        let mut start = client.start_request("checked");
        start.cron_schedule = schedule.to_owned();
        let answer = client.service.start_workflow_execution(start).await;
        let answer = answer.map_or_else(|status| refusal(&status), |_| "taken".to_owned());
        lines.push(format!("{schedule:?}: {answer}"));
        client.terminate("checked").await;
    }
    let mut start = client.start_request("delayed");
    (start.cron_schedule, start.workflow_start_delay) = (SCHEDULE.to_owned(), seconds(1));
    let answer = client.service.start_workflow_execution(start).await;
    lines.push(format!(
        "with a delay: {}",
        answer.map_or_else(|status| refusal(&status), |_| "taken".to_owned())
    ));
    lines.extend(ends(&mut client).await);
    lines.extend(time_out(&mut client).await);
    lines.join("\n") + "\n"
}

fn result(text: &str) -> Option<Payloads> {
    Some(Payloads { payloads: vec![json(text)] })
}

/// What a worker answers to the first workflow task of each run, one run after another.
async fn ends(client: &mut Client) -> Vec<String> {
    let complete = |text: &str| {
        let command = CompleteWorkflowExecutionCommandAttributes { result: result(text) };
        Attributes::CompleteWorkflowExecutionCommandAttributes(Box::new(command))
    };
    let failure = Failure {
        message: "on purpose".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo::default())),
        ..Failure::default()
    };
    let fail = FailWorkflowExecutionCommandAttributes { failure: Some(failure) };
    let fail = || Attributes::FailWorkflowExecutionCommandAttributes(Box::new(fail.clone()));
    let go_on = |schedule: &str| {
        let command = ContinueAsNewWorkflowExecutionCommandAttributes {
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            last_completion_result: result("3"),
            cron_schedule: schedule.to_owned(),
            ..Default::default()
        };
        Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(Box::new(command))
    };
    let mut start = client.start_request("ends");
    start.cron_schedule = SCHEDULE.to_owned();
    start.retry_policy = Some(RetryPolicy { maximum_attempts: 2, ..RetryPolicy::default() });
    client.service.start_workflow_execution(start).await.unwrap();
    let mut lines = Vec::new();
    for (name, end) in [
        ("completed", complete("1")),
        ("failed", fail()),
        ("failed on the last attempt", fail()),
        ("completed with another result", complete("2")),
        ("continued with the schedule", go_on(SCHEDULE)),
        ("continued without one", go_on("")),
        ("completed without a result", completion()),
    ] {
        let task = client.poll().await;
        let run_id = task.workflow_execution.as_ref().unwrap().run_id.clone();
        client.complete(&task, vec![end]).await;
        let history = client.history(&client.id("ends"), &run_id).await;
        lines.push(format!("{}; {name}: {}", begin(&history), closed(&history)));
    }
    lines
}

/// Without a worker each run times out.
async fn time_out(client: &mut Client) -> Vec<String> {
    let mut start = client.start_request("times out");
    (start.cron_schedule, start.workflow_run_timeout) = (SCHEDULE.to_owned(), seconds(1));
    start.task_queue.as_mut().unwrap().name = "without a worker".to_owned();
    let mut run_id = client.service.start_workflow_execution(start).await.unwrap().into_inner().run_id;
    let mut lines = Vec::new();
    for _ in 0..2 {
        let id = client.id("times out");
        let (history, next) = loop {
            let history = client.history(&id, &run_id).await;
            if let Some(EventAttributes::WorkflowExecutionTimedOutEventAttributes(end)) =
                &history.last().unwrap().attributes
            {
                let next = end.new_execution_run_id.clone();
                break (history, next);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        lines.push(format!("{}; timed out: {}", begin(&history), closed(&history)));
        run_id = next;
    }
    client.terminate("times out").await;
    lines
}

/// How a run begins. Backoffs depend on the moment.
fn begin(history: &[HistoryEvent]) -> String {
    let Some(EventAttributes::WorkflowExecutionStartedEventAttributes(started)) = &history[0].attributes
    else {
        panic!("{:?}", history[0])
    };
    let WorkflowExecutionStartedEventAttributes {
        cron_schedule,
        attempt,
        continued_failure,
        last_completion_result,
        ..
    } = &**started;
    let waits = started.first_workflow_task_backoff.is_some_and(|backoff| backoff.seconds > 0);
    let result = last_completion_result.as_ref().and_then(|result| result.payloads.first());
    let result =
        result.map_or("none".to_owned(), |result| String::from_utf8_lossy(&result.data).into_owned());
    format!(
        "attempt {attempt} by {:?} of {cron_schedule:?}, waits: {waits}, result: {result}, failure: {}, first run: {}",
        started.initiator(),
        continued_failure.is_some(),
        started.first_execution_run_id == started.original_execution_run_id,
    )
}

/// How a run ends.
fn closed(history: &[HistoryEvent]) -> String {
    use EventAttributes as A;
    let last = history.last().unwrap();
    let (state, next) = match last.attributes.as_ref().unwrap() {
        A::WorkflowExecutionCompletedEventAttributes(end) => (None, &end.new_execution_run_id),
        A::WorkflowExecutionFailedEventAttributes(end) => {
            (Some(end.retry_state()), &end.new_execution_run_id)
        }
        A::WorkflowExecutionTimedOutEventAttributes(end) => {
            (Some(end.retry_state()), &end.new_execution_run_id)
        }
        A::WorkflowExecutionContinuedAsNewEventAttributes(end) => (None, &end.new_execution_run_id),
        _ => panic!("{last:?}"),
    };
    format!("{:?} {state:?}, another run: {}", last.event_type(), !next.is_empty())
}
