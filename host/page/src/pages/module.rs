//! `/module`: one module, its definitions beside those of what serves, and its swap.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    response::{IntoResponse as _, Redirect},
};
use host_sandbox::wit::{WorkflowDefinition, workflow::host::definition::VersioningBehavior};
use host_worker::{
    control::{Reply, Request, ServedModule, Target},
    gate::{GateReport, RunSelection, changes},
    modules::{LoadedModule, build_id, policy::SwapPolicy},
};
use maud::{Markup, html};
use tokio::time::timeout;

use super::{
    modules::{ask, open_on, other_answer, tally, type_name},
    run::respond,
};
use crate::{
    access::Access,
    fault::{Fault, Shown},
    fields::Fields,
    shown,
    site::Site,
};

/// How long a swap is waited for; it goes on behind.
const SWAP_PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn show(
    State(site): State<Site>,
    Extension(access): Extension<Access>,
    fields: Fields,
) -> Shown {
    let module = find(&site, fields.get("digest")).await?;
    let digest = module.digest().to_string();
    let served = served(&site).await?;
    let others = serving_instead(&site, &served, &module).await;
    let serves = served.iter().any(|served| served.digest == digest && !served.serves.is_empty());
    let content = html! {
        h1 { "Module " code title=(digest) { (shown::short(&digest)) } }
        dl.facts {
            dt { "Digest" } dd { code { (digest) } }
            (shown::row("File", &module.source().map(|path| path.display().to_string()).unwrap_or_default()))
            dt { "Open runs" } dd { (shown::list_link(&open_on(&digest), "list")) }
        }
        @for definition in module.sandbox().definitions() { (defined(definition)) }
        @for other in &others { (difference(other, &module)) }
        @if access == Access::Acts && !serves { (swap_form(&digest)) }
    };
    Ok(respond(&site, access, "/modules", "Module", &content))
}

/// `POST /module/swap`: a module takes the new runs of its types.
pub(crate) async fn swap(
    State(site): State<Site>,
    Extension(access): Extension<Access>,
    body: Bytes,
) -> Shown {
    let fields = Fields::parse(&body);
    let policy = match fields.get("policy") {
        "" => None,
        name => Some(name.parse::<SwapPolicy>().map_err(|error| Fault::mistake(error.to_string()))?),
    };
    let target = Target::Digest(fields.get("digest").to_owned());
    let request = Request::Swap { target, policy, selection: RunSelection::default() };
    let asked = site.clone();
    // In a task of its own: it is carried out also when the browser goes away.
    let swapping = tokio::spawn(async move { ask(&asked, &request).await });
    let Ok(swapped) = timeout(SWAP_PATIENCE, swapping).await else {
        return Ok(Redirect::to("/modules").into_response());
    };
    let outcome = match swapped.map_err(|error| Fault::of(&error))?? {
        Some(Reply::Swapped(outcome)) => outcome,
        Some(_) => return Err(other_answer()),
        None => return Err(Fault::mistake("No host runs on the data folder.")),
    };
    let content = html! {
        h1 { @if outcome.swapped { "Swapped" } @else { "Refused" } }
        p {
            (shown::module(&outcome.digest)) " "
            @if outcome.swapped { "serves new runs now, policy " } @else { "was not taken, policy " }
            (outcome.policy)
        }
        (reported(&outcome.report))
        p { a href="/modules" { "All modules" } }
    };
    Ok(respond(&site, access, "/modules", "Swap", &content))
}

/// What the gate found out.
fn reported(report: &GateReport) -> Markup {
    html! {
        @for change in &report.changes { div { code { (shown::line(&change.to_string())) } } }
        (tally(report.runs))
        ul {
            @for run in &report.disagree {
                li { (shown::run_link(&run.workflow_id, &run.run_id)) pre { (shown::lines(&run.verdict.to_string())) } }
            }
        }
    }
}

async fn find(site: &Site, digest: &str) -> Shown<Arc<LoadedModule>> {
    let parsed = build_id::parse_digest(digest);
    let digest =
        parsed.ok_or_else(|| Fault::mistake("The address names no module: it needs a whole digest."))?;
    site.travel().module(digest).await
}

async fn served(site: &Site) -> Shown<Vec<ServedModule>> {
    match ask(site, &Request::List).await? {
        Some(Reply::Modules { modules }) => Ok(modules),
        Some(_) => Err(other_answer()),
        None => Ok(Vec::new()),
    }
}

/// The other modules that serve types of a module now.
async fn serving_instead(
    site: &Site,
    served: &[ServedModule],
    module: &LoadedModule,
) -> Vec<Arc<LoadedModule>> {
    let digest = module.digest().to_string();
    let types: Vec<&str> = module.types().collect();
    let is_other = |other: &&ServedModule| {
        other.digest != digest && other.serves.iter().any(|name| types.contains(&name.as_str()))
    };
    let mut found = Vec::new();
    for other in served.iter().filter(is_other) {
        // One that cannot be loaded has no definitions to compare.
        if let Ok(other) = find(site, &other.digest).await {
            found.push(other);
        }
    }
    found
}

fn defined(definition: &WorkflowDefinition) -> Markup {
    let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>().join(", ");
    let open_runs = match definition.versioning_behavior {
        VersioningBehavior::Unspecified => "as the host's policy says",
        VersioningBehavior::Pinned => "stay on their module (pinned)",
        VersioningBehavior::AutoUpgrade => "move where the other module replays them (auto-upgrade)",
    };
    html! {
        h2 { "Workflow " bdi { (type_name(&definition.name)) } }
        dl.facts {
            (shown::row("Signals", &names(definition.signals.iter().map(|it| &it.name).collect())))
            (shown::row("Queries", &names(definition.queries.iter().map(|it| &it.name).collect())))
            (shown::row("Updates", &names(definition.updates.iter().map(|it| &it.name).collect())))
            (shown::row("Open runs", open_runs))
        }
    }
}

/// What one module has that the module which serves has not, and the other way round.
fn difference(serving: &LoadedModule, module: &LoadedModule) -> Markup {
    let changes = changes(serving, module);
    html! {
        h2 { "Beside " (shown::module(&serving.digest().to_string())) ", which serves" }
        @if changes.is_empty() { p.muted { "the same definitions and imports" } }
        pre.diff {
            @for change in &changes {
                @let text = shown::line(&change.to_string());
                @let sign = text.chars().next().unwrap_or(' ');
                span class=(if sign == '+' { "added" } else if sign == '-' { "removed" } else { "changed" }) { (text) "\n" }
            }
        }
    }
}

fn swap_form(digest: &str) -> Markup {
    html! {
        form.act method="post" action="/module/swap" {
            h2 { "Swap" }
            p.muted { "This module takes the new runs of its types." }
            input type="hidden" name="digest" value=(digest);
            label for="policy" { "Open runs" }
            select id="policy" name="policy" {
                option value="" { "as the host's policy says" }
                @for policy in SwapPolicy::ALL { option value=(policy.name()) { (policy.name()) } }
            }
            button.danger { "Swap" }
        }
    }
}
