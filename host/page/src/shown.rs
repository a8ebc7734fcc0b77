//! How values look on every page: names, times, payloads, links.

use std::time::{Duration, SystemTime};

use guest_sdk_types::Payload;
use heck::ToUpperCamelCase as _;
use host_text::{
    escape::{Place, escape},
    event::milliseconds,
    json, payloads_json,
    span::span,
};
use host_wire::{temporal::api::enums::v1::WorkflowExecutionStatus, timestamp_from_proto};
use maud::{Markup, html};
use prost_types::Timestamp;

use crate::fields::address;

/// Digits of a digest or a run id that tell it from others for people.
const SHORT: usize = 12;
/// Longest value that is shown whole; the history has all of it. In bytes.
pub(crate) const MAX_VALUE_BYTES: usize = 64 << 10;

/// A text of others on one line. Markup is escaped where it is written; this is for what turns the direction of writing or
/// cannot be seen.
pub(crate) fn line(text: &str) -> String {
    escape(text, Place::Line).into_owned()
}

/// The same with several lines.
pub(crate) fn lines(text: &str) -> String {
    let text = escape(text, Place::Lines);
    match text.char_indices().find(|(at, _)| *at >= MAX_VALUE_BYTES) {
        Some((end, _)) => format!("{}…\n({} bytes in all)", &text[..end], text.len()),
        None => text.into_owned(),
    }
}

/// Payloads as JSON, indented.
pub(crate) fn payloads(payloads: Vec<Payload>) -> String {
    match payloads_json(payloads) {
        Ok(text) => lines(&json::indent(&text)),
        Err(error) => format!("unreadable: {error}"),
    }
}

/// A block of text, such as a result.
pub(crate) fn block(text: &str) -> Markup {
    html! { pre { (text) } }
}

/// A time, and how long ago or ahead it is.
pub(crate) fn time(time: Option<&Timestamp>) -> Markup {
    let Some(time) = time else { return html! {} };
    let text = milliseconds(time);
    html! { time datetime=(text) title=(relative(time, SystemTime::now())) { (text) } }
}

/// How long ago or ahead a time is.
pub(crate) fn relative(time: &Timestamp, now: SystemTime) -> String {
    let time = timestamp_from_proto(*time);
    match (now.duration_since(time), time.duration_since(now)) {
        (Ok(ago), _) => format!("{} ago", span(ago)),
        (_, Ok(ahead)) => format!("in {}", span(ahead)),
        // One of the two is there.
        _ => String::new(),
    }
}

/// A duration; below a second in milliseconds, below ten seconds with a tenth of one.
pub(crate) fn duration(duration: Duration) -> String {
    let (seconds, tenths) = (duration.as_secs(), duration.subsec_millis() / 100);
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..10 if tenths > 0 => format!("{seconds}.{tenths} s"),
        _ => span(duration),
    }
}

/// A status as a coloured word.
pub(crate) fn status(status: WorkflowExecutionStatus) -> Markup {
    let name = status_name(status);
    html! { span class={ "status " (name.to_lowercase()) } { (name) } }
}

/// The name of a status, such as `ContinuedAsNew`.
pub(crate) fn status_name(status: WorkflowExecutionStatus) -> String {
    constant(status.as_str_name(), "WORKFLOW_EXECUTION_STATUS_")
}

/// The name of a value of the protocol without what it begins with.
pub(crate) fn constant(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_upper_camel_case()
}

/// The first digits of an id.
pub(crate) fn short(id: &str) -> String {
    let id = line(id);
    match id.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", &id[..end]),
        None => id,
    }
}

/// A link to a run; without a run id, to the current one.
pub(crate) fn run_link(workflow_id: &str, run_id: &str) -> Markup {
    let to = address("/workflow", &[("workflow-id", workflow_id), ("run-id", run_id)]);
    html! { a href=(to) { bdi { (line(workflow_id)) } } }
}

/// A link to a list of workflows.
pub(crate) fn list_link(filter: &str, text: &str) -> Markup {
    html! { a href=(address("/", &[("query", filter)])) { (text) } }
}

/// A value in quotes for a list filter.
pub(crate) fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A build id, with a link to the module where it is one of this kind of host.
pub(crate) fn build(build_id: &str) -> Markup {
    match build_id.strip_prefix("wasm-sha256-") {
        Some(digest) => module(digest),
        None => html! { code { (line(build_id)) } },
    }
}

/// A link to a module.
pub(crate) fn module(digest: &str) -> Markup {
    html! { a href=(address("/module", &[("digest", digest)])) { code title=(line(digest)) { (short(digest)) } } }
}

/// A row of a list of names and values, unless it is empty.
pub(crate) fn row(name: &str, value: &str) -> Markup {
    html! { @if !value.is_empty() { dt { (name) } dd { bdi { (line(value)) } } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_ids_and_escape_them() {
        let link = run_link("<script>\"\u{202e}", "r&1").into_string();
        assert_eq!(
            link,
            "<a href=\"/workflow?workflow-id=%3Cscript%3E%22%E2%80%AE&amp;run-id=r%261\">\
             <bdi>&lt;script&gt;&quot;\\u{202e}</bdi></a>"
        );
        assert_eq!(quoted(r#"a"b\"#), r#""a\"b\\""#);
    }

    #[test]
    fn long_values_are_cut() {
        let text = lines(&"é".repeat(MAX_VALUE_BYTES));
        assert!(text.ends_with(&format!("…\n({} bytes in all)", 2 * MAX_VALUE_BYTES)));
        assert_eq!(lines("a\nb"), "a\nb");
    }

    #[test]
    fn times_are_relative() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let at = |seconds| Timestamp { seconds, nanos: 0 };
        assert_eq!(relative(&at(940), now), "1 min ago");
        assert_eq!(relative(&at(1_030), now), "in 30 s");
        for (millis, expected) in
            [(0, "0 ms"), (999, "999 ms"), (1_000, "1 s"), (2_550, "2.5 s"), (61_500, "1 min 1 s")]
        {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
    }
}
