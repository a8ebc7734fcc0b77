//! `/modules`: the modules of the data folder, what serves, canary and shadow, and what was done.

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    response::{IntoResponse as _, Redirect},
};
use host_client::RpcError;
use host_wire::temporal::api::workflowservice::v1::CountWorkflowExecutionsRequest;
use host_worker::{
    control::{AskError, ControlClient, Reply, Request, ServedModule},
    gate::{RunSelection, Tally},
    modules::{audit::AuditEntry, build_id, canary::CanaryState},
    shadow::ShadowReport,
};
use maud::{Markup, html};

use super::run::respond;
use crate::{
    access::Access,
    fault::{Fault, Shown},
    shown,
    site::Site,
};

/// Entries of the audit that are shown.
const AUDIT: usize = 50;

pub(crate) async fn show(State(site): State<Site>, Extension(access): Extension<Access>) -> Shown {
    let content = match ask(&site, &Request::List).await? {
        None => html! {
            h1 { "Modules" }
            p.empty {
                "No host runs on data folder " code { (shown::line(&site.data_folder().display().to_string())) }
                ". Start one: " code { "host run --task-queue QUEUE --modules PATH" }
            }
        },
        Some(Reply::Modules { modules }) => {
            let mut rows = Vec::new();
            for module in modules.iter().rev() {
                rows.push((module, open_runs(&site, &module.digest).await));
            }
            html! {
                h1 { "Modules" }
                (table(&rows))
                (canary(ask(&site, &Request::Canary).await?))
                (shadow(ask(&site, &Request::Shadow).await?))
                @if access == Access::Acts {
                    form.act method="post" action="/modules/rollback" {
                        h2 { "Roll back" }
                        p.muted { "The module that served before the latest swap takes the new runs again." }
                        button.danger { "Roll back" }
                    }
                }
                (log(ask(&site, &Request::Log { limit: AUDIT }).await?))
            }
        }
        Some(_) => return Err(other_answer()),
    };
    Ok(respond(&site, access, "/modules", "Modules", &content))
}

/// `POST /modules/rollback`: the module that served before serves again.
pub(crate) async fn rollback(State(site): State<Site>, _body: Bytes) -> Shown {
    ask(&site, &Request::Rollback { to: None, policy: None, selection: RunSelection::default() }).await?;
    Ok(Redirect::to("/modules").into_response())
}

/// Asks the host of the data folder; nothing when none runs.
pub(super) async fn ask(site: &Site, request: &Request) -> Shown<Option<Reply>> {
    let failed = |error: AskError| match error {
        AskError::Refused(message) => Fault::mistake(message),
        error => Fault::of(&error),
    };
    let Some(control) = ControlClient::connect(site.data_folder()).await.map_err(failed)? else {
        return Ok(None);
    };
    control.ask(request, |_, _| {}).await.map(Some).map_err(failed)
}

pub(super) fn other_answer() -> Fault {
    Fault::broken("The host answered something else: is it of another version?")
}

/// The filter of the open runs on a module.
pub(super) fn open_on(digest: &str) -> String {
    // As the service lists builds of workers without versioning.
    let build = shown::quoted(&format!("unversioned:{}{digest}", build_id::PREFIX));
    format!("ExecutionStatus = \"Running\" AND BuildIds = {build}")
}

/// How many open runs are on a module, where the service can tell.
async fn open_runs(site: &Site, digest: &str) -> Result<i64, RpcError> {
    let request = CountWorkflowExecutionsRequest {
        namespace: site.client().namespace().to_owned(),
        query: open_on(digest),
    };
    let counted = site.client().service().count_workflow_executions(tonic::Request::new(request)).await?;
    Ok(counted.into_inner().count)
}

/// The name of a workflow type; the dynamic workflow has none.
pub(super) fn type_name(name: &str) -> String {
    if name.is_empty() { "(dynamic)".to_owned() } else { shown::line(name) }
}

fn table(rows: &[(&ServedModule, Result<i64, RpcError>)]) -> Markup {
    html! {
        div.wide { table {
            thead { tr { th { "Module" } th { "Serves" } th { "Open runs" } th { "Also kept for" } th { "Signed by" } } }
            tbody {
                @for (module, open) in rows {
                    tr {
                        td { (shown::module(&module.digest)) }
                        td {
                            @for name in &module.serves { div { bdi { (type_name(name)) } } }
                            @if module.moves && !module.serves.is_empty() { span.muted { "open runs move to it" } }
                        }
                        td { @if let Ok(open) = open { (shown::list_link(&open_on(&module.digest), &open.to_string())) } }
                        td { @for need in &module.needed { div { (shown::line(need)) } } }
                        td { (shown::line(module.signer.as_deref().unwrap_or_default())) }
                    }
                }
            }
        } }
    }
}

/// Verdicts of the gate as a bar and in words.
pub(super) fn tally(runs: Tally) -> Markup {
    html! {
        (bar(&[("completed", runs.agree), ("failed", runs.differ), ("open", runs.cannot_tell)]))
        div { "open runs: " (runs) }
    }
}

/// A bar of parts, as wide as they are many: each with its class in the style.
fn bar(parts: &[(&str, u64)]) -> Markup {
    let total = parts.iter().map(|(_, count)| count).sum::<u64>().max(1);
    let mut before = 0;
    let places = parts.iter().map(|(class, count)| {
        let (x, width) = (before * 1_000 / total, count * 1_000 / total);
        before += count;
        (class, x, width)
    });
    html! {
        svg.verdicts viewBox="0 0 1000 12" preserveAspectRatio="none" role="img" aria-hidden="true" {
            @for (class, x, width) in places {
                rect class={ "bar " (class) } x=(x) y="0" width=(width) height="12" {}
            }
        }
    }
}

fn canary(reply: Option<Reply>) -> Markup {
    let Some(Reply::Canary { canary: Some(state) }) = reply else { return html! {} };
    let CanaryState { digest, counts, plan, step, .. } = &*state;
    let counted = |name: &str, all: u64, failed: u64| {
        html! {
            (bar(&[("completed", all.saturating_sub(failed)), ("failed", failed)]))
            div { (all) " " (name) ", " (failed) " of them failed" }
        }
    };
    html! {
        h2 { "Canary" }
        div.card {
            (shown::module(digest))
            @if let Some(now) = plan.steps.get(*step) {
                div { "step " (step + 1) " of " (plan.steps.len()) ": " (now.share) " of the new runs" }
            }
            (counted("workflow tasks", counts.tasks, counts.failed_tasks))
            (counted("runs that ended", counts.runs, counts.failed_runs))
        }
    }
}

fn shadow(reply: Option<Reply>) -> Markup {
    let Some(Reply::Shadow { shadow: Some(report) }) = reply else { return html! {} };
    let ShadowReport { digest, tasks, report, .. } = &*report;
    html! {
        h2 { "Shadow" }
        div.card {
            (shown::module(digest))
            div { (tasks) " workflow tasks followed" }
            (tally(report.runs))
            @for change in &report.changes { div { code { (shown::line(&change.to_string())) } } }
        }
    }
}

fn log(reply: Option<Reply>) -> Markup {
    let Some(Reply::Log { entries }) = reply else { return html! {} };
    html! {
        h2 { "What was done" }
        @if entries.is_empty() { p.muted { "nothing yet" } }
        ol.log { @for entry in entries.iter().rev() { li { (audited(entry)) } } }
    }
}

fn audited(entry: &AuditEntry) -> Markup {
    let seconds = i64::try_from(entry.time_ms / 1_000).unwrap_or(i64::MAX);
    let nanos = i32::try_from(entry.time_ms % 1_000 * 1_000_000).unwrap_or_default();
    let time = prost_types::Timestamp { seconds, nanos };
    let runs =
        entry.report.as_ref().and_then(|report| serde_json::from_value::<Tally>(report["runs"].clone()).ok());
    html! {
        (shown::time(Some(&time))) " "
        b { (shown::line(&format!("{:?}", entry.action))) }
        @for from in &entry.from { " " (shown::module(from)) }
        " → " (shown::module(&entry.to))
        @if !entry.policy.is_empty() { " policy " (shown::line(&entry.policy)) }
        span.muted { " by " (shown::line(&entry.who)) " " (shown::line(&entry.note)) }
        @if let Some(runs) = runs { (tally(runs)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_parts_of_their_size() {
        let rect = |class: &str, x: u64, width: u64| {
            format!("<rect class=\"bar {class}\" x=\"{x}\" y=\"0\" width=\"{width}\" height=\"12\"></rect>")
        };
        let drawn = bar(&[("completed", 3), ("failed", 1)]).into_string();
        assert!(drawn.contains(&[rect("completed", 0, 750), rect("failed", 750, 250)].concat()), "{drawn}");
        assert!(bar(&[("failed", 0)]).into_string().contains(&rect("failed", 0, 0)));
    }
}
