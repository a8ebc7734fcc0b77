//! `/workflow/actions`: queries for all, and what changes a run for those with the token.

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use guest_sdk_types::{Payload, UntypedSignal, UntypedUpdate};
use host_client::{ResetOptions, ResetPoint, UpdateOptions};
use host_wire::temporal::api::enums::v1::WorkflowExecutionStatus;
use maud::{Markup, html};

use super::{
    run::{Run, handle},
    talk::{self, Metadata},
};
use crate::{
    access::Access,
    fault::{Fault, Shown},
    fields::{Fields, address},
    shown,
    site::Site,
};

/// The reason that histories keep where a form has none.
const REASON: &str = "by the host's page";

pub(crate) async fn show(
    State(site): State<Site>,
    Extension(access): Extension<Access>,
    fields: Fields,
) -> Shown {
    let run = Run::find(&site, &fields).await?;
    let metadata = talk::metadata(&run.handle).await.unwrap_or_default();
    Ok(run.page(&site, access, "/workflow/actions", &forms(&run, access, &metadata)))
}

/// `GET /workflow/query`: the answer to a query.
pub(crate) async fn query(
    State(site): State<Site>,
    Extension(access): Extension<Access>,
    fields: Fields,
) -> Shown {
    let run = Run::find(&site, &fields).await?;
    let name = named(&fields)?;
    let answer = talk::ask(&run.handle, name, talk::arguments(fields.get("input"))?).await?;
    Ok(answered(&site, access, &run, "Answer of", name, answer))
}

pub(crate) async fn signal(State(site): State<Site>, body: Bytes) -> Shown {
    let fields = Fields::parse(&body);
    let input = talk::arguments(fields.get("input"))?;
    handle(&site, &fields)?.signal(UntypedSignal::new(named(&fields)?), input).await?;
    Ok(back(&fields))
}

pub(crate) async fn update(
    State(site): State<Site>,
    Extension(access): Extension<Access>,
    body: Bytes,
) -> Shown {
    let fields = Fields::parse(&body);
    let run = Run::find(&site, &fields).await?;
    let (name, input) = (named(&fields)?, talk::arguments(fields.get("input"))?);
    let updated = run.handle.execute_update(UntypedUpdate::new(name), input, UpdateOptions::default());
    Ok(answered(&site, access, &run, "Result of update", name, updated.await?.0))
}

pub(crate) async fn cancel(State(site): State<Site>, body: Bytes) -> Shown {
    let fields = Fields::parse(&body);
    handle(&site, &fields)?.cancel(reason(&fields)).await?;
    Ok(back(&fields))
}

pub(crate) async fn terminate(State(site): State<Site>, body: Bytes) -> Shown {
    let fields = Fields::parse(&body);
    handle(&site, &fields)?.terminate(reason(&fields)).await?;
    Ok(back(&fields))
}

pub(crate) async fn reset(State(site): State<Site>, body: Bytes) -> Shown {
    let fields = Fields::parse(&body);
    let point = match fields.get("to") {
        "first" => ResetPoint::FirstWorkflowTask,
        "last" => ResetPoint::LastWorkflowTask,
        event => match event.parse() {
            Ok(event) if event >= 2 => ResetPoint::Event(event),
            _ => {
                return Err(Fault::mistake(
                    "A run is reset to `first`, `last`, or the id of an event from 2.",
                ));
            }
        },
    };
    let options = ResetOptions { reason: reason(&fields).to_owned(), ..ResetOptions::to(point) };
    let new = handle(&site, &fields)?.reset(options).await?;
    let run = [("workflow-id", fields.raw("workflow-id")), ("run-id", new.run_id().unwrap_or_default())];
    Ok(Redirect::to(&address("/workflow", &run)).into_response())
}

fn named(fields: &Fields) -> Shown<&str> {
    match fields.get("name") {
        "" => Err(Fault::mistake("The form names no handler: fill in its name.")),
        name => Ok(name),
    }
}

fn reason(fields: &Fields) -> &str {
    match fields.get("reason") {
        "" => REASON,
        reason => reason,
    }
}

/// To the run, which shows what became of it.
fn back(fields: &Fields) -> Response {
    let run = [("workflow-id", fields.raw("workflow-id")), ("run-id", fields.get("run-id"))];
    Redirect::to(&address("/workflow", &run)).into_response()
}

fn answered(
    site: &Site,
    access: Access,
    run: &Run,
    what: &str,
    name: &str,
    answer: Vec<Payload>,
) -> Response {
    let content = html! {
        h2 { (what) " " code { (shown::line(name)) } }
        pre.answer { (shown::payloads(answer)) }
        p { a href=(run.address("/workflow/actions", &[])) { "Back" } }
    };
    run.page(site, access, "/workflow/actions", &content)
}

fn forms(run: &Run, access: Access, metadata: &Metadata) -> Markup {
    let is_open = run.info.status() == WorkflowExecutionStatus::Running;
    html! {
        (call(run, "get", "query", "Query", &metadata.queries))
        @match access {
            Access::Reads => {
                p.notice {
                    "Signals, updates, cancellation, termination and resets need the token: open the address that the host \
                     printed when it started. The token is in the file " code { "page.token" } " of the data folder."
                }
            }
            Access::Acts => {
                @if is_open {
                    (call(run, "post", "signal", "Signal", &metadata.signals))
                    (call(run, "post", "update", "Update", &metadata.updates))
                    (ending(run, "cancel", "Cancel", "The workflow is asked to end itself."))
                    (ending(run, "terminate", "Terminate", "The workflow ends at once, without being asked."))
                }
                (reset_form(run))
            }
        }
    }
}

/// The form of a call with a name and an argument.
fn call(run: &Run, method: &str, path: &str, title: &str, names: &[String]) -> Markup {
    let id = |part: &str| format!("{path}-{part}");
    html! {
        form.act method=(method) action={ "/workflow/" (path) } {
            h2 { (title) }
            (run.hidden())
            label for=(id("name")) { "Name" }
            input id=(id("name")) name="name" required list=(id("names")) autocomplete="off" spellcheck="false";
            datalist id=(id("names")) { @for name in names { option value=(name) {} } }
            label for=(id("input")) { "Input, as JSON" }
            textarea id=(id("input")) name="input" rows="2" spellcheck="false" {}
            button { (title) }
        }
    }
}

/// The form of what ends a run.
fn ending(run: &Run, path: &str, title: &str, what: &str) -> Markup {
    let id = format!("{path}-reason");
    html! {
        form.act method="post" action={ "/workflow/" (path) } {
            h2 { (title) }
            p.muted { (what) }
            (run.hidden())
            label for=(id) { "Reason" }
            input id=(id) name="reason" autocomplete="off";
            button.danger { (title) }
        }
    }
}

fn reset_form(run: &Run) -> Markup {
    html! {
        form.act method="post" action="/workflow/reset" {
            h2 { "Reset" }
            p.muted { "A new run takes the place of this one, with its history up to the end of a workflow task." }
            (run.hidden())
            label for="reset-to" { "To" }
            input id="reset-to" name="to" list="reset-points" required autocomplete="off"
                placeholder="first, last, or the id of an event";
            datalist id="reset-points" {
                option value="first" { "after the first workflow task" }
                option value="last" { "after the last workflow task" }
            }
            label for="reset-reason" { "Reason" }
            input id="reset-reason" name="reason" autocomplete="off";
            button.danger { "Reset" }
        }
    }
}
