//! `/workers`: this host, and the workers that tell about themselves.

use std::{fs, process};

use axum::{Extension, extract::State};
use host_wire::temporal::api::{
    enums::v1::WorkerStatus, worker::v1::WorkerHeartbeat, workflowservice::v1::ListWorkersRequest,
};
use maud::{Markup, html};
use tonic::Request;

use super::run::respond;
use crate::{access::Access, fault::Shown, shown, site::Site};

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
            (shown::row("Memory", &memory()))
            (shown::row("Data folder", &site.data_folder().display().to_string()))
            (shown::row("Identity", site.client().identity()))
        }
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

/// The resident memory of the process, as Linux says it; empty elsewhere.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = resident.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.map_or_else(String::new, |kibibytes| format!("{} MiB", kibibytes / 1_024))
}
