//! The histories that one scenario made on two services, event by event.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use crate::recording::Histories;

/// How far two runs of a scenario agree, even on the same service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Every event, in its order.
    Exact,
    /// The events of every activity, timer and child. Those that run at the same time come in any order, and
    /// with them workflow tasks and ids of events.
    BySubject,
    /// Not at all: such a scenario is not compared.
    Chance,
}

/// Scenarios that are not the same twice, and why. All others are compared in exact order.
const ORDERS: &[(&str, Order, &str)] = &[
    ("orders", Order::BySubject, "two items are reserved at the same time"),
    ("inventory", Order::BySubject, "chunks of the list are read at the same time"),
    ("child_workflows", Order::BySubject, "two children run at the same time"),
    ("sliding_window", Order::Chance, "children take random times"),
    ("local_activities_sample", Order::Chance, "two local activities run at the same time"),
    ("eager_activities", Order::BySubject, "several activities run at the same time"),
    ("more_activities_than_places", Order::BySubject, "several activities run at the same time"),
    ("hanging_processes_are_replaced", Order::BySubject, "two activities run at the same time"),
    ("blocked_runtime", Order::Chance, "a host is stopped while its activities run"),
    ("rollouts_under_load", Order::Chance, "runs begin while another version becomes current"),
    ("killed_host_goes_on", Order::Chance, "a host is killed at any moment"),
];

/// How the histories of a scenario are compared, and why not exactly.
pub(crate) fn order_of(scenario: &str) -> (Order, &'static str) {
    let found = ORDERS.iter().find(|(name, ..)| *name == scenario);
    found.map_or((Order::Exact, ""), |&(_, order, why)| (order, why))
}

/// The first difference of every workflow, to be read by a person.
pub(crate) fn differences(embedded: &Histories, temporal: &Histories, order: Order) -> Vec<String> {
    let mut found = Vec::new();
    let workflows = embedded.keys().chain(temporal.keys().filter(|name| !embedded.contains_key(*name)));
    for workflow in workflows {
        let difference = match (embedded.get(workflow), temporal.get(workflow)) {
            (Some(ours), Some(theirs)) => match order {
                Order::Exact => in_order(ours, theirs),
                Order::BySubject => by_subject(ours, theirs),
                Order::Chance => None,
            },
            (Some(_), None) => Some("there is none on Temporal's".to_owned()),
            (None, _) => Some("there is none on the embedded service".to_owned()),
        };
        found.extend(difference.map(|difference| format!("{workflow}: {difference}")));
    }
    found
}

fn in_order(ours: &[Value], theirs: &[Value]) -> Option<String> {
    for number in 0..ours.len().max(theirs.len()) {
        let (our, their) = (ours.get(number), theirs.get(number));
        // What is still open may have come further on one service.
        if (our.is_none() && is_open(ours)) || (their.is_none() && is_open(theirs)) {
            return None;
        }
        let absent = Value::Null;
        let difference = first_difference("", our.unwrap_or(&absent), their.unwrap_or(&absent));
        if let Some(difference) = difference {
            return Some(format!("event {}\n{difference}\n{}", number + 1, around(ours, theirs, number)));
        }
    }
    None
}

fn is_open(events: &[Value]) -> bool {
    const CLOSING: &[&str] =
        &["COMPLETED", "FAILED", "CANCELED", "TERMINATED", "TIMED_OUT", "CONTINUED_AS_NEW"];
    let last = events.last().map_or("", event_type);
    let end = last.strip_prefix("WORKFLOW_EXECUTION_").unwrap_or_default();
    !CLOSING.contains(&end)
}

fn by_subject(ours: &[Value], theirs: &[Value]) -> Option<String> {
    let (ours, theirs) = (subjects(ours), subjects(theirs));
    let all = ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name)));
    for subject in all {
        let [our, their] = [&ours, &theirs].map(|side| side.get(subject).cloned().unwrap_or_default());
        if let Some(difference) = in_order(&our, &their) {
            return Some(format!("{subject}: {difference}"));
        }
    }
    None
}

/// The events of each activity, timer and child, and of the workflow itself; those of workflow tasks are
/// left out, and so are the ids of events and the order of ids.
fn subjects(events: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let mut of_event: BTreeMap<String, String> = BTreeMap::new();
    let mut subjects: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in events {
        if event_type(event).starts_with("WORKFLOW_TASK_") {
            continue;
        }
        let attributes = attributes(event);
        let opened = ["scheduledEventId", "initiatedEventId", "startedEventId"]
            .iter()
            .find_map(|field| of_event.get(attributes[field].as_str()?));
        let named = ["activityId", "timerId", "workflowId"]
            .iter()
            .find_map(|field| attributes[field].as_str().map(|id| format!("{field} {id}")))
            .filter(|_| !event_type(event).starts_with("WORKFLOW_EXECUTION_"));
        let subject = opened.cloned().or(named).unwrap_or_else(|| "the workflow".to_owned());
        if let Some(id) = event["eventId"].as_str() {
            of_event.insert(id.to_owned(), subject.clone());
        }
        let mut event = event.clone();
        without_places(&mut event);
        subjects.entry(subject).or_default().push(event);
    }
    subjects
}

fn without_places(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| name != "eventId" && !name.ends_with("EventId"));
            fields.values_mut().for_each(without_places);
        }
        Value::Array(items) => items.iter_mut().for_each(without_places),
        Value::String(text) if text.starts_with("<id ") => "<id>".clone_into(text),
        _ => {}
    }
}

fn attributes(event: &Value) -> &Value {
    let found = event.as_object().into_iter().flatten().find(|(name, _)| name.ends_with("EventAttributes"));
    found.map_or(&Value::Null, |(_, attributes)| attributes)
}

fn event_type(event: &Value) -> &str {
    event["eventType"].as_str().unwrap_or_default().trim_start_matches("EVENT_TYPE_")
}

/// The place of the first difference, and what is there on each side.
fn first_difference(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(our), Value::Object(their)) => {
            let names = our.keys().chain(their.keys().filter(|name| !our.contains_key(*name)));
            names
                .into_iter()
                .find_map(|name| first_difference(&format!("{path}.{name}"), &ours[name], &theirs[name]))
        }
        (Value::Array(our), Value::Array(their)) if our.len() == their.len() => our
            .iter()
            .zip(their)
            .enumerate()
            .find_map(|(index, (our, their))| first_difference(&format!("{path}[{index}]"), our, their)),
        _ if ours == theirs => None,
        _ => Some(format!("  at {path}\n    embedded: {ours}\n    temporal: {theirs}")),
    }
}

/// The types of the events around a place, where they differ.
fn around(ours: &[Value], theirs: &[Value], number: usize) -> String {
    const BEFORE: usize = 3;
    const AFTER: usize = 8;
    let mut text = String::new();
    let [our, their] = [ours, theirs].map(|events| {
        let shown = events.iter().skip(number.saturating_sub(BEFORE)).take(BEFORE + AFTER);
        shown.map(event_type).collect::<Vec<_>>()
    });
    if our != their {
        for (service, types) in [("embedded", our), ("temporal", their)] {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {service}: {}", types.join(" "));
        }
    }
    text
}
