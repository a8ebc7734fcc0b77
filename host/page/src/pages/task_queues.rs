//! `/task-queues`: the queues of open runs and workers, their pollers and what waits in them.

use std::collections::BTreeSet;

use axum::{Extension, extract::State};
use host_wire::{
    duration_from_proto,
    temporal::api::{
        enums::v1::TaskQueueType,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{
            DescribeTaskQueueRequest, DescribeTaskQueueResponse, ListWorkersRequest,
            ListWorkflowExecutionsRequest,
        },
    },
};
use maud::{Markup, html};
use tonic::Request;

use super::run::respond;
use crate::{access::Access, fault::Shown, shown, site::Site};

/// Runs that are looked at for their task queues, the latest.
const RUNS: i32 = 1_000;
/// Task queues that are shown.
const MAX_QUEUES: usize = 50;

pub(crate) async fn show(State(site): State<Site>, Extension(access): Extension<Access>) -> Shown {
    let names = names(&site).await?;
    let mut queues = Vec::new();
    for name in names.iter().take(MAX_QUEUES) {
        let workflow = describe(&site, name, TaskQueueType::Workflow).await?;
        let activity = describe(&site, name, TaskQueueType::Activity).await?;
        queues.push((name, [("workflow", workflow), ("activity", activity)]));
    }
    let content = html! {
        h1 { "Task queues" }
        p.muted { "Those of the latest " (RUNS) " runs and of workers that tell about themselves." }
        @if queues.is_empty() { p.empty { "None yet." } }
        @for (name, kinds) in &queues {
            h2 { bdi { (shown::line(name)) } }
            div.wide { table {
                thead { tr { th { "Tasks" } th { "Backlog" } th { "Oldest" } th { "Added" } th { "Dispatched" } th { "Pollers" } } }
                tbody { @for (kind, described) in kinds { (row(kind, described)) } }
            } }
        }
        @if names.len() > MAX_QUEUES { p.muted { "and " (names.len() - MAX_QUEUES) " more" } }
    };
    Ok(respond(&site, access, "/task-queues", "Task queues", &content))
}

async fn names(site: &Site) -> Shown<BTreeSet<String>> {
    let client = site.client();
    let namespace = client.namespace().to_owned();
    let runs = ListWorkflowExecutionsRequest {
        namespace: namespace.clone(),
        page_size: RUNS,
        ..ListWorkflowExecutionsRequest::default()
    };
    let runs = client.service().list_workflow_executions(Request::new(runs)).await?.into_inner();
    let mut names: BTreeSet<String> = runs.executions.into_iter().map(|info| info.task_queue).collect();
    let workers = ListWorkersRequest { namespace, ..ListWorkersRequest::default() };
    // Older services do not have this call.
    if let Ok(workers) = client.service().list_workers(Request::new(workers)).await {
        let heartbeats =
            workers.into_inner().workers_info.into_iter().filter_map(|worker| worker.worker_heartbeat);
        names.extend(heartbeats.map(|heartbeat| heartbeat.task_queue));
    }
    names.remove("");
    Ok(names)
}

async fn describe(site: &Site, name: &str, kind: TaskQueueType) -> Shown<DescribeTaskQueueResponse> {
    let request = DescribeTaskQueueRequest {
        namespace: site.client().namespace().to_owned(),
        task_queue: Some(TaskQueue { name: name.to_owned(), ..TaskQueue::default() }),
        task_queue_type: kind.into(),
        report_stats: true,
        ..DescribeTaskQueueRequest::default()
    };
    Ok(site.client().service().describe_task_queue(Request::new(request)).await?.into_inner())
}

fn row(kind: &str, described: &DescribeTaskQueueResponse) -> Markup {
    let stats = described.stats.unwrap_or_default();
    let backlog = stats.approximate_backlog_count;
    let oldest = stats.approximate_backlog_age.map(duration_from_proto).unwrap_or_default();
    html! {
        tr {
            td { (kind) }
            td class=[(backlog > 0 && described.pollers.is_empty()).then_some("bad")] { (backlog) }
            td { @if backlog > 0 { (shown::duration(oldest)) } }
            td { (rate(stats.tasks_add_rate)) }
            td { (rate(stats.tasks_dispatch_rate)) }
            td {
                @if described.pollers.is_empty() { span class=(if backlog > 0 { "bad" } else { "muted" }) { "none" } }
                @for poller in &described.pollers {
                    div { bdi { (shown::line(&poller.identity)) } " " (shown::time(poller.last_access_time.as_ref())) }
                }
            }
        }
    }
}

fn rate(per_second: f32) -> String {
    format!("{per_second:.1} /s")
}
