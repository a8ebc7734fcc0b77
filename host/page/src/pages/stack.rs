//! `/workflow/stack`: where a run waits, and what it handles.

use axum::{Extension, extract::State};
use guest_sdk_types::RawValue;
use maud::{Markup, html};

use super::{
    run::{Run, live},
    talk,
};
use crate::{
    access::Access,
    fault::{Fault, Shown},
    fields::Fields,
    shown,
    site::Site,
};

pub(crate) async fn show(
    State(site): State<Site>,
    Extension(access): Extension<Access>,
    fields: Fields,
) -> Shown {
    let run = Run::find(&site, &fields).await?;
    let stack = stack(&run).await;
    // A worker that did not answer does not answer this either.
    let metadata = if stack.is_ok() {
        talk::metadata(&run.handle).await.unwrap_or_default()
    } else {
        talk::Metadata::default()
    };
    let content = html! {
        div id="stack" data-live {
            p.muted { "Where the workflow asked for each operation that it waits for, as a worker sees it now." }
            @match &stack {
                Ok(stack) if stack.is_empty() => p { "It waits for no operation." },
                Ok(stack) => pre.stack { (shown::lines(stack)) },
                Err(fault) => p.fault role="alert" { (shown::lines(&fault.message)) },
            }
            @if !metadata.details.is_empty() { h2 { "Current details" } pre { (shown::lines(&metadata.details)) } }
            (names("Queries", &metadata.queries))
            (names("Signals", &metadata.signals))
            (names("Updates", &metadata.updates))
        }
        (live(&[("workflow-id", &run.workflow_id), ("run-id", &run.run_id)]))
    };
    Ok(run.page(&site, access, "/workflow/stack", &content))
}

/// The answer to `__stack_trace`, which is text.
async fn stack(run: &Run) -> Result<String, Fault> {
    let answer = talk::ask(&run.handle, "__stack_trace", RawValue(Vec::new())).await?;
    Ok(text(answer))
}

/// The text that a payload has; another value as JSON.
pub(super) fn text(payloads: Vec<guest_sdk_types::Payload>) -> String {
    let payloads = RawValue(payloads);
    match payloads.to_value::<String>() {
        Ok(text) => text,
        Err(_) => shown::payloads(payloads.0),
    }
}

fn names(title: &str, names: &[String]) -> Markup {
    html! {
        @if !names.is_empty() {
            h2 { (title) }
            ul.names { @for name in names { li { code { (shown::line(name)) } } } }
        }
    }
}
