//! `/workflow`: one run, its timeline and what it waits for.

use std::time::SystemTime;

use axum::{Extension, extract::State};
use guest_sdk_types::{Failure, NamedPayloads, Payload};
use host_client::{Closed, Error};
use host_text::failure;
use host_wire::{
    payloads_from_proto,
    temporal::api::{
        enums::v1::{PendingActivityState, WorkflowExecutionStatus},
        history::v1::HistoryEvent,
        workflow::v1::{PendingActivityInfo, WorkflowExecutionInfo},
    },
    timestamp_to_proto, timestamp_to_unix_nanos,
};
use maud::{Markup, html};

use super::run::{Run, live};
use crate::{
    access::Access,
    fault::Shown,
    fields::Fields,
    history,
    operations::{Kind, Operation, moment, operations},
    shown,
    site::Site,
    timeline,
};

pub(crate) async fn show(
    State(site): State<Site>,
    Extension(access): Extension<Access>,
    fields: Fields,
) -> Shown {
    let run = Run::find(&site, &fields).await?;
    let events = history::read(run.handle.history()).await?;
    let operations = operations(&events);
    let content = html! {
        div id="run" data-live {
            (summary(&run.info, &events))
            (waits(&run, &events, &operations))
            h2 { "Timeline" }
            (timeline_of(&run, &events, &operations))
            section.pair {
                div { h2 { "Input" } (values(history::input(&events))) }
                div { h2 { "Result" } (ending(&run, &events)) }
            }
        }
        (live(&[("workflow-id", &run.workflow_id), ("run-id", &run.run_id)]))
    };
    Ok(run.page(&site, access, "/workflow", &content))
}

fn values(payloads: Vec<Payload>) -> Markup {
    if payloads.is_empty() {
        return html! { p.muted { "none" } };
    }
    html! { @for payload in payloads { (shown::block(&shown::payloads(vec![payload]))) } }
}

fn summary(info: &WorkflowExecutionInfo, events: &[HistoryEvent]) -> Markup {
    let parent = info.parent_execution.clone().unwrap_or_default();
    let builds = history::builds(events);
    html! {
        dl.facts {
            dt { "Started" } dd { (shown::time(info.start_time.as_ref())) }
            @if info.status() != WorkflowExecutionStatus::Running {
                dt { "Closed" } dd { (shown::time(info.close_time.as_ref())) }
            }
            dt { "Task queue" } dd { bdi { (shown::line(&info.task_queue)) } }
            dt { "History" } dd { (info.history_length) " events, " (info.history_size_bytes) " bytes" }
            @if !parent.workflow_id.is_empty() {
                dt { "Parent" } dd { (shown::run_link(&parent.workflow_id, &parent.run_id)) }
            }
            @if !builds.is_empty() {
                dt { "Executed by" }
                dd {
                    @for (build, from, to) in &builds {
                        div { (shown::build(build)) span.muted { " events " (from) " to " (to) } }
                    }
                }
            }
            (shown::row("Memo", &named(info.memo.clone().unwrap_or_default().into())))
            (shown::row("Search attributes", &named(info.search_attributes.clone().unwrap_or_default().into())))
        }
    }
}

fn named(payloads: NamedPayloads) -> String {
    let pairs: Vec<String> = payloads
        .into_iter()
        // The modules are above.
        .filter(|(name, _)| name != "BuildIds")
        .map(|(name, payload)| {
            // Without the metadata of search attributes, which is their type.
            let value = String::from_utf8(payload.data.to_vec());
            format!("{name} = {}", value.unwrap_or_else(|_| "(bytes)".to_owned()))
        })
        .collect();
    pairs.join(", ")
}

/// What an open run waits for, and how its last workflow task failed.
fn waits(run: &Run, events: &[HistoryEvent], operations: &[Operation]) -> Markup {
    if run.info.status() != WorkflowExecutionStatus::Running {
        return html! {};
    }
    let task = run.described.pending_workflow_task.as_ref();
    let attempt = task.map_or(0, |task| task.attempt);
    let timers =
        operations.iter().filter(|operation| operation.kind == Kind::Timer && operation.end.is_none());
    let timers: Vec<&Operation> = timers.collect();
    let is_idle = task.is_none()
        && timers.is_empty()
        && run.described.pending_activities.is_empty()
        && run.described.pending_children.is_empty()
        && run.described.pending_nexus_operations.is_empty();
    html! {
        h2 { "Waits for" }
        @if attempt > 1 {
            div.fault role="alert" {
                p { "The workflow task fails; this is attempt " (attempt) "." }
                @if let Some(failure) = history::task_failure(events) { pre { (shown::lines(&failure)) } }
            }
        } @else if task.is_some_and(|task| task.started_time.is_none()) {
            p { "a worker that polls task queue " bdi { (shown::line(&run.info.task_queue)) } }
        } @else if is_idle {
            p { "a signal, an update, or something that the workflow only knows itself; the "
                a href=(run.address("/workflow/stack", &[])) { "stack" } " says where." }
        }
        @for activity in &run.described.pending_activities { (activity_card(activity)) }
        @for child in &run.described.pending_children {
            div.card {
                b { "child workflow " bdi { (shown::line(&child.workflow_type_name)) } } " "
                (shown::run_link(&child.workflow_id, &child.run_id))
            }
        }
        @for operation in &run.described.pending_nexus_operations {
            div.card {
                b { "Nexus operation " bdi { (shown::line(&operation.operation)) } }
                " of " bdi { (shown::line(&operation.service)) } ", attempt " (operation.attempt)
            }
        }
        @for timer in timers {
            div.card { b { "timer" } " of " (timer.name) ", id " bdi { (shown::line(&timer.id)) } }
        }
    }
}

fn activity_card(activity: &PendingActivityInfo) -> Markup {
    let state = PendingActivityState::try_from(activity.state).unwrap_or_default();
    let attempts = match activity.maximum_attempts {
        0 => activity.attempt.to_string(),
        most => format!("{} of {most}", activity.attempt),
    };
    let name = activity.activity_type.clone().unwrap_or_default().name;
    let next = activity.next_attempt_schedule_time.as_ref();
    let details = payloads_from_proto(activity.heartbeat_details.clone());
    html! {
        div.card {
            b { "activity " bdi { (shown::line(&name)) } }
            " id " bdi { (shown::line(&activity.activity_id)) }
            ", " (shown::constant(state.as_str_name(), "PENDING_ACTIVITY_STATE_").to_lowercase())
            ", attempt " (attempts)
            @if let Some(next) = next { ", the next " (shown::relative(next, SystemTime::now())) }
            @if !details.is_empty() { div { "heartbeat " code { (shown::payloads(details)) } } }
            @if let Some(last) = activity.last_failure.clone() {
                pre.fault { (shown::lines(&failure::chain(&Failure::from(last)))) }
            }
        }
    }
}

fn timeline_of(run: &Run, events: &[HistoryEvent], operations: &[Operation]) -> Markup {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return html! {} };
    let now = timestamp_to_unix_nanos(timestamp_to_proto(SystemTime::now())) / 1_000_000;
    let is_open = run.info.status() == WorkflowExecutionStatus::Running;
    let end = if is_open { now.max(moment(last).time_ms) } else { moment(last).time_ms };
    let link = |event: i64| {
        let address = run
            .address("/workflow/history", &[("from", &super::workflow_history::page_of(event).to_string())]);
        format!("{address}#event-{event}")
    };
    timeline::draw(operations, moment(first).time_ms, end, link)
}

/// The result, or how the run ended without one.
fn ending(run: &Run, events: &[HistoryEvent]) -> Markup {
    if run.info.status() == WorkflowExecutionStatus::Running {
        return html! { p.muted { "not yet" } };
    }
    let Some(last) = events.last() else { return html! {} };
    if let Some(next) = run.handle.continued_as(last) {
        let next_run = next.run_id().unwrap_or_default().to_owned();
        return html! { p { "continues as run " (shown::run_link(&run.workflow_id, &next_run)) " " code { (next_run) } } };
    }
    match (Closed { event: last.clone() }).result() {
        Ok(result) => values(result),
        Err(Error::Workflow(failed)) => html! { pre.fault { (shown::lines(&failure::workflow(&failed))) } },
        Err(error) => html! { p.muted { (shown::line(&error.to_string())) } },
    }
}
