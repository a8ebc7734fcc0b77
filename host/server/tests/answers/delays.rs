//! What happens to a run whose first workflow task is delayed.

use std::time::Duration;

use host_wire::temporal::api::{
    common::v1::Payloads,
    query::v1::WorkflowQuery,
    workflowservice::v1::{
        QueryWorkflowRequest, RequestCancelWorkflowExecutionRequest, RespondWorkflowTaskCompletedRequest,
        SignalWorkflowExecutionRequest,
    },
};
use tonic::Request;

use crate::client::{Client, NAMESPACE, completion, json, refusal, seconds};

pub(crate) async fn answers(mut client: Client) -> String {
    let mut lines = Vec::new();
    for request in ["nothing", "signal", "signal with start", "cancel"] {
        let name = format!("delayed {request}");
        let mut start = client.start_request(&name);
        start.workflow_start_delay = seconds(60);
        client.service.start_workflow_execution(start).await.unwrap();
        ask(&mut client, &name, request).await;
        let task = client.poll_within(Duration::from_secs(6)).await;
        let events: Vec<_> = client
            .history(&client.id(&name), "")
            .await
            .iter()
            .map(|event| format!("{:?}", event.event_type()))
            .collect();
        let has = if task.is_some() { "a task" } else { "no task" };
        lines.push(format!("{request}: {has}; {}", events.join(" ")));
        if let Some(task) = task {
            client.complete(&task, vec![completion()]).await;
        }
        client.terminate(&name).await;
    }
    lines.push(query_too_early(&mut client).await);
    lines.push(query_in_time(&mut client).await);
    lines.push(query_of_the_unseen(&mut client).await);
    lines.join("\n") + "\n"
}

async fn ask(client: &mut Client, name: &str, request: &str) {
    let execution = Some(client.execution(name));
    match request {
        "signal" => {
            let signal = SignalWorkflowExecutionRequest {
                namespace: NAMESPACE.to_owned(),
                workflow_execution: execution,
                signal_name: "signal".to_owned(),
                ..Default::default()
            };
            client.service.signal_workflow_execution(signal).await.unwrap();
        }
        "signal with start" => {
            let signal = client.signal_start_request(name);
            client.service.signal_with_start_workflow_execution(signal).await.unwrap();
        }
        "cancel" => {
            let cancel = RequestCancelWorkflowExecutionRequest {
                namespace: NAMESPACE.to_owned(),
                workflow_execution: execution,
                ..Default::default()
            };
            client.service.request_cancel_workflow_execution(cancel).await.unwrap();
        }
        _ => {}
    }
}

fn query(client: &Client, name: &str, within: Duration) -> Request<QueryWorkflowRequest> {
    let query = WorkflowQuery { query_type: "q".to_owned(), ..WorkflowQuery::default() };
    let mut request = Request::new(QueryWorkflowRequest {
        namespace: NAMESPACE.to_owned(),
        execution: Some(client.execution(name)),
        query: Some(query),
        ..Default::default()
    });
    request.set_timeout(within);
    request
}

async fn query_too_early(client: &mut Client) -> String {
    let mut start = client.start_request("too early");
    start.workflow_start_delay = seconds(60);
    client.service.start_workflow_execution(start).await.unwrap();
    let request = query(client, "too early", Duration::from_secs(5));
    let answer = client.service.query_workflow(request).await;
    client.terminate("too early").await;
    format!("query long before the first task: {}", refusal(&answer.unwrap_err()))
}

async fn query_in_time(client: &mut Client) -> String {
    let mut start = client.start_request("in time");
    start.workflow_start_delay = seconds(1);
    client.service.start_workflow_execution(start).await.unwrap();
    let request = query(client, "in time", Duration::from_secs(20));
    let mut asking = client.clone();
    let asked = tokio::spawn(async move { asking.service.query_workflow(request).await });
    let task = client.poll().await;
    let attached = task.queries.len();
    let answers = task.queries.keys().map(|id| {
        let mut answer = host_wire::temporal::api::query::v1::WorkflowQueryResult::default();
        answer.set_result_type(host_wire::temporal::api::enums::v1::QueryResultType::Answered);
        answer.answer = payloads();
        (id.clone(), answer)
    });
    let completed = RespondWorkflowTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: task.task_token.clone(),
        query_results: answers.collect(),
        ..Default::default()
    };
    client.service.respond_workflow_task_completed(completed).await.unwrap();
    if attached == 0 {
        // It comes by itself then.
        let task = client.poll().await;
        let answer = host_wire::temporal::api::workflowservice::v1::RespondQueryTaskCompletedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token,
            query_result: payloads(),
            completed_type: host_wire::temporal::api::enums::v1::QueryResultType::Answered.into(),
            ..Default::default()
        };
        client.service.respond_query_task_completed(answer).await.unwrap();
    }
    let answer = asked.await.unwrap();
    client.terminate("in time").await;
    format!(
        "query shortly before the first task: {}",
        answer.map_or_else(|it| refusal(&it), |_| "answered".to_owned())
    )
}

fn payloads() -> Option<Payloads> {
    Some(Payloads { payloads: vec![json("1")] })
}

async fn query_of_the_unseen(client: &mut Client) -> String {
    client.start("unseen").await;
    client.terminate("unseen").await;
    let request = query(client, "unseen", Duration::from_secs(5));
    let answer = client.service.query_workflow(request).await;
    format!("query of a run that no worker saw: {}", refusal(&answer.unwrap_err()))
}
