//! `/workflow/at`: a run as it was at an event: what it answered, what it waited for, and where.

use axum::{Extension, extract::State};
use guest_sdk_types::{Payload, RawValue};
use host_text::event;
use host_wire::{
    History, payloads_from_proto, payloads_to_proto,
    temporal::api::{
        enums::v1::QueryResultType,
        history::v1::HistoryEvent,
        query::v1::{WorkflowQuery, WorkflowQueryResult},
    },
};
use host_worker::modules::LoadedModule;
use maud::{Markup, html};

use super::{run::Run, stack::text, talk};
use crate::{
    access::Access,
    fault::{Fault, Shown},
    fields::Fields,
    history,
    operations::open_at,
    shown,
    site::Site,
};

pub(crate) async fn show(
    State(site): State<Site>,
    Extension(access): Extension<Access>,
    fields: Fields,
) -> Shown {
    let run = Run::find(&site, &fields).await?;
    let whole = run.handle.fetch_history().await?;
    let events = history::events(&whole)?;
    let last = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let at = fields.number("event").unwrap_or(last).clamp(1, last.max(1));
    let (name, input) = (fields.get("query"), fields.get("input"));
    let then = then(&site, whole, &events, at, (name, input)).await;
    let queries = match &then {
        Ok(then) => then.queries.as_slice(),
        Err(_) => &[],
    };
    let content = html! {
        p.muted { "The module that executed the workflow is replayed up to an event, and asked then. Nothing is changed." }
        form.travel method="get" action="/workflow/at" data-follows="then" {
            (run.hidden())
            label for="event" { "Event" }
            input id="event" name="event" type="range" min="1" max=(last) value=(at) step="1"
                data-shown-by="event-shown" autofocus;
            output id="event-shown" for="event" { (at) }
            span.muted { " of " (last) }
            div.fields {
                label for="ask" { "Query" }
                input id="ask" name="query" value=(name) list="queries" autocomplete="off" spellcheck="false";
                datalist id="queries" { @for query in queries { option value=(query) {} } }
                label for="with" { "Input, as JSON" }
                input id="with" name="input" value=(input) autocomplete="off" spellcheck="false";
                button { "Go" }
            }
        }
        div id="then" data-live { (picture(&run, &events, at, name, &then)) }
    };
    Ok(run.page(&site, access, "/workflow/at", &content))
}

/// What a replay found out.
struct Then {
    /// The build id of the module.
    build: String,
    /// Queries of the workflow's definition.
    queries: Vec<String>,
    /// The stack, or why there is none.
    stack: Result<String, String>,
    /// The answer to the query, or why there is none; nothing if no query was asked.
    answer: Option<Result<Vec<Payload>, String>>,
}

async fn then(
    site: &Site,
    history: History,
    events: &[HistoryEvent],
    at: i64,
    (name, input): (&str, &str),
) -> Shown<Then> {
    let build = history::build_at(events, at)
        .ok_or_else(|| Fault::mistake("No worker has completed a workflow task of this run yet."))?;
    let module = site.travel().module_of_build(&build).await?;
    let queries = queries(&module, events);
    let mut asked = vec![query("__stack_trace", RawValue(Vec::new()))];
    if !name.is_empty() {
        asked.push(query(name, talk::arguments(input)?));
    }
    let mut answers = site.travel().ask(module, history.up_to(at), asked).await?.into_iter().map(answered);
    let stack = answers.next().unwrap_or_else(|| Err("it was not asked".to_owned())).map(text);
    Ok(Then { build, queries, stack, answer: answers.next() })
}

fn query(name: &str, input: RawValue) -> WorkflowQuery {
    WorkflowQuery {
        query_type: name.to_owned(),
        query_args: payloads_to_proto(input.0),
        ..WorkflowQuery::default()
    }
}

fn answered(asked: Result<WorkflowQueryResult, String>) -> Result<Vec<Payload>, String> {
    let answer = asked?;
    if answer.result_type() == QueryResultType::Failed {
        return Err(answer.error_message);
    }
    Ok(payloads_from_proto(answer.answer))
}

/// The queries that the definition of the run's type has.
fn queries(module: &LoadedModule, events: &[HistoryEvent]) -> Vec<String> {
    let Some(host_wire::EventAttributes::WorkflowExecutionStartedEventAttributes(started)) =
        events.first().and_then(|event| event.attributes.as_ref())
    else {
        return Vec::new();
    };
    let name = started.workflow_type.clone().unwrap_or_default().name;
    let definition = module.definition(&name);
    definition.map(|it| it.queries.iter().map(|query| query.name.clone()).collect()).unwrap_or_default()
}

fn picture(run: &Run, events: &[HistoryEvent], at: i64, name: &str, then: &Shown<Then>) -> Markup {
    let event = events.iter().find(|event| event.event_id == at);
    let to = |event: i64| run.address("/workflow/at", &[("event", &event.to_string()), ("query", name)]);
    html! {
        nav.pages aria-label="Events" {
            @if at > 1 { a href=(to(at - 1)) rel="prev" { "Event before" } }
            @if events.last().is_some_and(|last| last.event_id > at) { a href=(to(at + 1)) rel="next" { "Event after" } }
        }
        @if let Some(event) = event {
            p.event {
                b { "Event " (at) " " (event::type_name(event)) } " "
                bdi { (event::summary(event).unwrap_or_default()) } " " (shown::time(event.event_time.as_ref()))
            }
        }
        @match then {
            Err(fault) => p.fault role="alert" { (shown::lines(&fault.message)) },
            Ok(then) => {
                p { "Replayed on " (shown::build(&then.build)) }
                @if let Some(answer) = &then.answer {
                    h2 { "Answer of " code { (shown::line(name)) } }
                    @match answer {
                        Ok(answer) => pre.answer { (shown::payloads(answer.clone())) },
                        Err(why) => pre.fault { (shown::lines(why)) },
                    }
                }
                h2 { "Stack" }
                @match &then.stack {
                    Ok(stack) if stack.is_empty() => p { "It waited for no operation." },
                    Ok(stack) => pre.stack { (shown::lines(stack)) },
                    Err(why) => pre.fault { (shown::lines(why)) },
                }
            }
        }
        h2 { "Pending operations" }
        (pending(events, at))
    }
}

fn pending(events: &[HistoryEvent], at: i64) -> Markup {
    let open = open_at(events, at);
    html! {
        @if open.is_empty() { p.muted { "none" } }
        ul {
            @for operation in &open {
                li {
                    b { (operation.kind.name()) } " " bdi { (shown::line(&operation.name)) }
                    @if !operation.id.is_empty() { " id " bdi { (shown::line(&operation.id)) } }
                    span.muted { " since event " (operation.begin.event_id) }
                }
            }
        }
    }
}
