//! Events of histories, for people: a line each, or all their fields.
//!
//! Works on the JSON form of an event, so that events of a later protocol are shown, too.

use heck::ToUpperCamelCase as _;
use host_wire::temporal::api::{enums::v1::EventType, history::v1::HistoryEvent};
use prost_types::Timestamp;
use serde_json::{Map, Value};

use crate::{
    escape::{Place, escape},
    payloads::{TextError, one_line},
};

/// Longest value in a line; `--detailed` shows all of it.
const MAX_VALUE_CHARS: usize = 100;

/// Longest build id: the first 12 digits of a module's digest.
const MAX_BUILD_ID_CHARS: usize = "wasm-sha256-".len() + 12;

/// Where the build id of an event is.
const BUILD_ID: &str = "workerVersion.buildId";

/// Attributes that a line shows of an event: their path in its JSON form, and the text before the value.
/// `--detailed` shows the others, too.
const IN_LINE: &[(&str, &str)] = &[
    ("workflowType.name", ""),
    ("activityType.name", ""),
    ("signalName", ""),
    ("markerName", ""),
    ("acceptedRequest.input.name", ""),
    ("endpoint", ""),
    ("service", ""),
    ("operation", ""),
    ("activityId", "id "),
    ("timerId", "id "),
    ("workflowId", "id "),
    ("workflowExecution.workflowId", "id "),
    ("scheduledEventId", "of event "),
    ("startToFireTimeout", "after "),
    ("newExecutionRunId", "as run "),
    ("input", "input "),
    ("acceptedRequest.input.args", "input "),
    ("result", "result "),
    ("outcome.success", "result "),
    ("outcome.failure.message", ""),
    ("details", "details "),
    ("cause", ""),
    ("failure.message", ""),
    ("failure.cause.message", "because "),
    ("timeoutType", ""),
    ("lastFailure.message", "last failure: "),
    ("reason", "reason "),
    (BUILD_ID, "by "),
];

/// A header for lines of events, as [`line()`] lays them out.
pub const HEADER: &str = "   ID  Time                      Type";

/// An event on one line.
///
/// # Errors
///
/// When a value of the event has no JSON form.
pub fn line(event: &HistoryEvent) -> Result<String, TextError> {
    let begin = format!("{:>5}  {:<24}  {}", event.event_id, time(event), type_name(event));
    let begin = escape(&begin, Place::Line);
    let summary = summary(event)?;
    let separator = if summary.is_empty() { "" } else { "  " };
    Ok(format!("{begin}{separator}{summary}"))
}

/// What says most of an event beside its time and type, on one line; may be empty.
///
/// # Errors
///
/// When a value of the event has no JSON form.
pub fn summary(event: &HistoryEvent) -> Result<String, TextError> {
    let attributes = attributes(event)?;
    let mut text = String::new();
    let mut separator = "";
    for (path, label) in IN_LINE {
        let Some(value) = at(&attributes, path) else { continue };
        text.push_str(separator);
        text.push_str(label);
        let most = if *path == BUILD_ID { MAX_BUILD_ID_CHARS } else { MAX_VALUE_CHARS };
        text.push_str(&shorten(&plain(path, value), most));
        separator = ", ";
    }
    Ok(escape(&text, Place::Line).into_owned())
}

/// An event with all its fields, sorted by name.
///
/// # Errors
///
/// When a value of the event has no JSON form.
pub fn section(event: &HistoryEvent) -> Result<String, TextError> {
    let fields = fields(event)?;
    let mut text = format!("--------------- [{}] {} ---------------", event.event_id, type_name(event));
    for (name, value) in fields {
        let value = escape(&value, Place::Lines).replace('\n', "\n  ");
        text.push_str(&format!("\n{}: {value}", escape(&name, Place::Line)));
    }
    Ok(text)
}

/// All fields of an event but its id and type: paths with dots, and values that are not escaped; sorted by path.
///
/// # Errors
///
/// When a value of the event has no JSON form.
pub fn fields(event: &HistoryEvent) -> Result<Vec<(String, String)>, TextError> {
    let mut fields = Vec::new();
    flatten("", &Value::Object(attributes(event)?), &mut fields);
    fields.sort();
    Ok(fields)
}

/// The name of an event's type, such as `TimerFired`.
#[must_use]
pub fn type_name(event: &HistoryEvent) -> String {
    match EventType::try_from(event.event_type) {
        Ok(event_type) => event_type.as_str_name().trim_start_matches("EVENT_TYPE_").to_upper_camel_case(),
        Err(_) => format!("event type {}", event.event_type),
    }
}

/// A time to the millisecond: `2026-01-31T12:00:00.123Z`.
#[must_use]
pub fn milliseconds(time: &Timestamp) -> String {
    let time = Timestamp { nanos: time.nanos / 1_000_000 * 1_000_000, ..*time };
    // The other digits are left out when they are zero.
    match time.to_string().trim_end_matches('Z').split_once('.') {
        Some((seconds, fraction)) => format!("{seconds}.{fraction:.3}Z"),
        None => format!("{}.000Z", time.to_string().trim_end_matches('Z')),
    }
}

fn time(event: &HistoryEvent) -> String {
    event.event_time.as_ref().map(milliseconds).unwrap_or_default()
}

/// The fields of an event's attributes, and those beside them that say more than id and type.
fn attributes(event: &HistoryEvent) -> Result<Map<String, Value>, TextError> {
    let mut fields: Map<String, Value> = serde_json::from_str(&one_line(event)?)?;
    fields.remove("eventId");
    fields.remove("eventType");
    let name = fields.keys().find(|name| name.ends_with("Attributes")).cloned();
    if let Some(Value::Object(attributes)) = name.and_then(|name| fields.remove(&name)) {
        fields.extend(attributes);
    }
    Ok(fields)
}

fn at<'a>(attributes: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let value = rest
        .split('.')
        .filter(|name| !name.is_empty())
        .try_fold(attributes.get(first)?, |value, name| value.get(name))?;
    let is_empty = match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    (!is_empty).then_some(value)
}

/// Text without quotes, unless it is a payload; a single argument without brackets.
fn plain(path: &str, value: &Value) -> String {
    let is_payload =
        ["input", "result", "details", "args", "success"].iter().any(|name| path.ends_with(name));
    match value {
        Value::String(text) if !is_payload => match text.split_once("CAUSE_").or(text.split_once("TYPE_")) {
            Some((_, name)) if !text.contains(' ') => name.to_upper_camel_case(),
            _ => text.replace('\n', " "),
        },
        Value::Array(items) => match items.as_slice() {
            [item] => item.to_string(),
            _ => value.to_string(),
        },
        value => value.to_string(),
    }
}

fn shorten(text: &str, most_chars: usize) -> String {
    match text.char_indices().nth(most_chars) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn flatten(name: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&name, value, fields);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                flatten(&format!("{name}[{index}]"), value, fields);
            }
        }
        Value::String(text) => fields.push((name.to_owned(), text.clone())),
        value => fields.push((name.to_owned(), value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use host_wire::protojson::history_from_json;

    use super::*;

    const HISTORY: &str = include_str!("event/history.json");

    fn check(show: fn(&HistoryEvent) -> Result<String, TextError>, expected: Expect) {
        let history = history_from_json(HISTORY.as_bytes()).unwrap();
        let lines: Vec<String> = history.events().map(|event| show(&event.unwrap()).unwrap()).collect();
        // Without a line that is not indented, the others could lose their indentation.
        expected.assert_eq(&format!("events:\n{}\n", lines.join("\n")));
    }

    #[test]
    fn lines() {
        check(
            line,
            expect![[r#"
                events:
                    1  2026-01-31T12:00:01.123Z  WorkflowExecutionStarted  Order, id order-17, input [{"customer":"Ada","items":["x"]},"second"]
                    2  2026-01-31T12:00:02.500Z  WorkflowTaskScheduled
                    3  2026-01-31T12:00:03.123Z  WorkflowTaskStarted  of event 2
                    4  2026-01-31T12:00:04.500Z  WorkflowTaskCompleted  of event 2, by wasm-sha256-001122334455…
                    5  2026-01-31T12:00:05.123Z  ActivityTaskScheduled  charge, id 1, input "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
                    6  2026-01-31T12:00:06.500Z  TimerStarted  id 1, after 90s
                    7  2026-01-31T12:00:07.123Z  ActivityTaskStarted  of event 5, last failure: no answer
                    8  2026-01-31T12:00:08.500Z  ActivityTaskFailed  of event 5, declined, because no money
                    9  2026-01-31T12:00:09.123Z  WorkflowExecutionSignaled  approve, input {"by":"Ada"}
                   10  2026-01-31T12:00:10.500Z  WorkflowTaskFailed  of event 2, NonDeterministicError, event 5: expected a timer
                   11  2026-01-31T12:00:11.123Z  TimerFired  id 1
                   12  2026-01-31T12:00:12.500Z  WorkflowExecutionCancelRequested  r
                   13  2026-01-31T12:00:13.123Z  WorkflowExecutionCompleted  result {"total":5}
            "#]],
        );
    }

    #[test]
    fn sections() {
        check(
            section,
            expect![[r#"
                events:
                --------------- [1] WorkflowExecutionStarted ---------------
                attempt: 1
                eventTime: 2026-01-31T12:00:01.123456789Z
                input[0].customer: Ada
                input[0].items[0]: x
                input[1]: second
                taskId: 1001
                taskQueue.kind: TASK_QUEUE_KIND_NORMAL
                taskQueue.name: orders
                workflowId: order-17
                workflowType.name: Order
                --------------- [2] WorkflowTaskScheduled ---------------
                attempt: 1
                eventTime: 2026-01-31T12:00:02.500Z
                taskId: 1002
                taskQueue.name: orders
                --------------- [3] WorkflowTaskStarted ---------------
                eventTime: 2026-01-31T12:00:03.123456789Z
                identity: 1@a
                scheduledEventId: 2
                taskId: 1003
                --------------- [4] WorkflowTaskCompleted ---------------
                eventTime: 2026-01-31T12:00:04.500Z
                scheduledEventId: 2
                startedEventId: 3
                taskId: 1004
                workerVersion.buildId: wasm-sha256-00112233445566778899aabbccddeeff
                --------------- [5] ActivityTaskScheduled ---------------
                activityId: 1
                activityType.name: charge
                eventTime: 2026-01-31T12:00:05.123456789Z
                input[0]: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                startToCloseTimeout: 10s
                taskId: 1005
                --------------- [6] TimerStarted ---------------
                eventTime: 2026-01-31T12:00:06.500Z
                startToFireTimeout: 90s
                taskId: 1006
                timerId: 1
                --------------- [7] ActivityTaskStarted ---------------
                attempt: 3
                eventTime: 2026-01-31T12:00:07.123456789Z
                lastFailure.message: no
                  answer
                scheduledEventId: 5
                taskId: 1007
                --------------- [8] ActivityTaskFailed ---------------
                eventTime: 2026-01-31T12:00:08.500Z
                failure.cause.message: no money
                failure.message: declined
                scheduledEventId: 5
                startedEventId: 7
                taskId: 1008
                --------------- [9] WorkflowExecutionSignaled ---------------
                eventTime: 2026-01-31T12:00:09.123456789Z
                identity: cli
                input[0].by: Ada
                signalName: approve
                taskId: 1009
                --------------- [10] WorkflowTaskFailed ---------------
                cause: WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
                eventTime: 2026-01-31T12:00:10.500Z
                failure.message: event 5: expected a timer
                scheduledEventId: 2
                taskId: 1010
                --------------- [11] TimerFired ---------------
                eventTime: 2026-01-31T12:00:11.123456789Z
                startedEventId: 6
                taskId: 1011
                timerId: 1
                --------------- [12] WorkflowExecutionCancelRequested ---------------
                cause: r
                eventTime: 2026-01-31T12:00:12.500Z
                identity: cli
                taskId: 1012
                --------------- [13] WorkflowExecutionCompleted ---------------
                eventTime: 2026-01-31T12:00:13.123456789Z
                result[0].total: 5
                taskId: 1013
                workflowTaskCompletedEventId: 4
            "#]],
        );
    }

    #[test]
    fn milliseconds_are_cut() {
        let check = |nanos, expected| {
            assert_eq!(milliseconds(&Timestamp { seconds: 1, nanos }), expected);
        };
        check(0, "1970-01-01T00:00:01.000Z");
        check(999_999, "1970-01-01T00:00:01.000Z");
        check(120_999_999, "1970-01-01T00:00:01.120Z");
        check(999_999_999, "1970-01-01T00:00:01.999Z");
    }
}
