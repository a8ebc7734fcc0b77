//! `/workers`: this host, and the workers that tell about themselves.

use std::process;

use axum::{Extension, extract::State};
use host_wire::temporal::api::{
    enums::v1::WorkerStatus, worker::v1::WorkerHeartbeat, workflowservice::v1::ListWorkersRequest,
};
use maud::{Markup, html};
use tonic::Request;

use super::run::respond;
use crate::{access::Access, fault::Shown, plot, process::Sample, shown, site::Site};

pub(crate) async fn show(State(site): State<Site>, Extension(access): Extension<Access>) -> Shown {
    let request = ListWorkersRequest {
        namespace: site.client().namespace().to_owned(),
        ..ListWorkersRequest::default()
    };
    // Older services do not have this call.
    let listed = site.client().service().list_workers(Request::new(request)).await;
    let workers = listed.map(|answer| answer.into_inner().workers_info).unwrap_or_default();
    let heartbeats: Vec<WorkerHeartbeat> =
        workers.into_iter().filter_map(|worker| worker.worker_heartbeat).collect();
    let content = html! {
        h1 { "Workers" }
        h2 { "This host" }
        dl.facts {
            (shown::row("Version", env!("CARGO_PKG_VERSION")))
            (shown::row("Process", &process::id().to_string()))
            (shown::row("Data folder", &site.data_folder().display().to_string()))
            (shown::row("Identity", site.client().identity()))
        }
        (plots(&site.samples().all()))
        h2 { "Workers with heartbeats" }
        @if heartbeats.is_empty() {
            p.muted { "None. Who polls which task queue is in " a href="/task-queues" { "Task queues" } "." }
        } @else {
            div.wide { table {
                thead { tr {
                    th { "Identity" } th { "Status" } th { "Task queue" } th { "SDK" } th { "Host" } th { "CPU" }
                    th { "Memory" } th { "Cached runs" } th { "Heartbeat" }
                } }
                tbody { @for heartbeat in &heartbeats { (row(heartbeat)) } }
            } }
        }
    };
    Ok(respond(&site, access, "/workers", "Workers", &content))
}

fn row(heartbeat: &WorkerHeartbeat) -> Markup {
    let status = WorkerStatus::try_from(heartbeat.status).unwrap_or_default();
    let host = heartbeat.host_info.clone().unwrap_or_default();
    html! {
        tr {
            td { bdi { (shown::line(&heartbeat.worker_identity)) } }
            td { (shown::constant(status.as_str_name(), "WORKER_STATUS_")) }
            td { bdi { (shown::line(&heartbeat.task_queue)) } }
            td { (shown::line(&heartbeat.sdk_name)) " " (shown::line(&heartbeat.sdk_version)) }
            td { (shown::line(&host.host_name)) }
            td { (percent(host.current_host_cpu_usage)) }
            td { (percent(host.current_host_mem_usage)) }
            td { (heartbeat.current_sticky_cache_size) }
            td { (shown::time(heartbeat.heartbeat_time.as_ref())) }
        }
    }
}

fn percent(part: f32) -> Markup {
    let text = format!("{:.0} %", part * 100.0);
    html! {
        (text)
        svg.gauge viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect class="bar wait" x="0" y="0" width="100" height="8" {}
            rect class="bar completed" x="0" y="0" width=(format!("{:.1}", part.clamp(0.0, 1.0) * 100.0)) height="8" {}
        }
    }
}

/// What the host took in the last minutes.
fn plots(samples: &[Sample]) -> Markup {
    let series = |value: fn(&Sample) -> f64| -> Vec<f64> { samples.iter().map(value).collect() };
    html! {
        div.plots id="plots" data-live data-every="2000" {
            @if samples.is_empty() {
                p.muted { "Nothing is known of its processor time and memory yet." }
            } @else {
                (plot::draw("Processors", &series(|sample| sample.processors), |value| format!("{value:.2}")))
                (plot::draw("Memory", &series(|sample| sample.memory_bytes), |value| {
                    format!("{:.0} MiB", value / 1_048_576.0)
                }))
                (plot::draw("Open files", &series(|sample| sample.files), |value| format!("{value:.0}")))
            }
        }
    }
}
