//! Fields that two services may write differently into the history of the same workflow, each with its
//! reason. Whatever else differs fails the comparison.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

/// How a field that may differ is removed from the comparison.
#[derive(Clone, Copy)]
enum Scrub {
    /// A field of this name is taken out.
    Drop(&'static str),
    /// A list of this name is sorted.
    Sort(&'static str),
    /// Any text is rewritten.
    Rewrite(fn(&mut Names, &str) -> Option<String>),
    /// A message that is a field of this name is changed.
    Change(&'static str, fn(&mut Map<String, Value>)),
}

/// The rules, in the order in which they are used, and why each may differ.
const RULES: &[(Scrub, &str)] = &[
    (Scrub::Drop("taskId"), "numbers the work of a shard of Temporal's, not the events of a history"),
    (Scrub::Drop("historySizeBytes"), "counts the bytes of ids and times"),
    (Scrub::Drop("firstWorkflowTaskBackoff"), "what is missing to a second since the run before started"),
    (Scrub::Sort("langUsedFlags"), "a set; a worker writes it in any order"),
    (Scrub::Sort("coreUsedFlags"), "a set; a worker writes it in any order"),
    (Scrub::Rewrite(time), "the two runs were not at the same time"),
    (Scrub::Rewrite(marker_time), "as above"),
    (Scrub::Rewrite(Names::rename_ids), "ids are random; which of them are the same is compared"),
    (Scrub::Rewrite(message_size), "a message that is too large has a task token, which is of any size"),
    (Scrub::Rewrite(folder), "every scene has a folder of its own"),
    (Scrub::Rewrite(process_id), "the identity of a worker or client begins with the id of its process"),
    (
        Scrub::Change("workflowTaskScheduledEventAttributes", attempts),
        "a task that fails is tried again at once, as often as time allows, and Temporal lets chance add to its timeout",
    ),
    (
        Scrub::Change("workflowExecutionSignaledEventAttributes", |signal| drop(signal.remove("requestId"))),
        "ours is there to know a request again after a restart; this version of Temporal's keeps it elsewhere",
    ),
    (
        Scrub::Change("workflowTaskStartedEventAttributes", |started| drop(started.remove("requestId"))),
        "names a poll, or that the task came with the answer to the one before; which, a moment decides",
    ),
    (Scrub::Drop("conflictToken"), "says to its service alone which state of a deployment a client has seen"),
    (
        Scrub::Change("workflowExecutionOptionsUpdatedEventAttributes", |updated| {
            drop(updated.remove("identity"))
        }),
        "this version of Temporal's does not say who changed the options of a workflow",
    ),
    (
        Scrub::Change("drainageInfo", |info| {
            if !info.contains_key("status") {
                info.clear()
            }
        }),
        "Temporal's says of a version that does not drain when it was looked at, if it has come to that",
    ),
    (Scrub::Drop("prevAutoResetPoints"), "each point says when it expires, which ours does not"),
    (
        Scrub::Change("nexus", callback),
        "a callback has the address and the name of its service, and a token that this service alone reads",
    ),
];

fn callback(callback: &mut Map<String, Value>) {
    callback.remove("url");
    if let Some(Value::Object(header)) = callback.get_mut("header") {
        header.retain(|name, _| name != "source" && !name.to_ascii_lowercase().ends_with("callback-token"));
    }
}

/// The names that ids get, in the order in which they appear.
#[derive(Default)]
pub(crate) struct Names(BTreeMap<String, usize>);

/// A history without what may differ.
pub(crate) fn scrub(mut history: Value) -> Vec<Value> {
    decode_payloads(&mut history);
    let mut names = Names::default();
    scrub_value(&mut names, "", &mut history);
    match history["events"].take() {
        Value::Array(events) => events,
        _ => Vec::new(),
    }
}

/// What a service answered, without what may differ.
pub(crate) fn scrub_answer(mut answer: Value) -> Value {
    decode_payloads(&mut answer);
    scrub_value(&mut Names::default(), "", &mut answer);
    answer
}

fn scrub_value(names: &mut Names, name: &str, value: &mut Value) {
    for (rule, _) in RULES {
        match *rule {
            Scrub::Drop(dropped) => {
                if let Value::Object(fields) = value {
                    fields.remove(dropped);
                }
            }
            Scrub::Sort(sorted) => {
                if let Value::Array(items) = value
                    && name == sorted
                {
                    items.sort_by_key(Value::to_string);
                }
            }
            Scrub::Rewrite(rewrite) => {
                if let Value::String(text) = value
                    && let Some(rewritten) = rewrite(names, text)
                {
                    *text = rewritten;
                }
            }
            Scrub::Change(changed, change) => {
                if let Value::Object(fields) = value
                    && name == changed
                {
                    change(fields);
                }
            }
        }
    }
    match value {
        Value::Object(fields) => {
            for (field, value) in fields.iter_mut() {
                scrub_value(names, field, value);
            }
            // An empty message says what none says.
            fields.retain(|_, value| value.as_object().is_none_or(|message| !message.is_empty()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| scrub_value(names, name, item)),
        _ => {}
    }
}

/// Payloads as text, where they are text: so that a difference can be read, and so that the rules see
/// what is in them.
fn decode_payloads(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(data) if name == "data" => decode(data),
                    Value::Object(entries) if name == "metadata" => {
                        for entry in entries.values_mut() {
                            if let Value::String(entry) = entry {
                                decode(entry);
                            }
                        }
                    }
                    _ => decode_payloads(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(decode_payloads),
        _ => {}
    }
}

fn decode(text: &mut String) {
    let bytes = BASE64_STANDARD.decode(&*text).unwrap_or_default();
    if let Ok(decoded) = String::from_utf8(bytes) {
        *text = decoded;
    }
}

/// Of a workflow task that is not the first attempt, the number and the timeout.
fn attempts(scheduled: &mut Map<String, Value>) {
    if scheduled.get("attempt").and_then(Value::as_i64) != Some(1) {
        scheduled.insert("attempt".to_owned(), "after failures".into());
        scheduled.remove("startToCloseTimeout");
    }
}

/// `"complete_time":{"seconds":1,"nanos":2}`, as SDKs write it into markers.
fn marker_time(_: &mut Names, text: &str) -> Option<String> {
    const BEGINNING: &str = "_time\":{\"seconds\":";
    let (before, rest) = text.split_once(BEGINNING)?;
    let after = rest.split_once('}').map_or("", |(_, after)| after);
    let after = marker_time(&mut Names::default(), after).unwrap_or_else(|| after.to_owned());
    Some(format!("{before}_time\":\"<time>\"{after}"))
}

/// `2026-01-31T12:00:00.123Z`.
fn time(_: &mut Names, text: &str) -> Option<String> {
    let shape: Cow<'_, str> =
        text.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
    let is_time = shape.starts_with("0000-00-00T00:00:00") && shape.ends_with('Z');
    is_time.then(|| "<time>".to_owned())
}

/// `1234@machine`, wherever it is.
fn process_id(_: &mut Names, text: &str) -> Option<String> {
    let (before, after) = text.split_once('@')?;
    let kept = before.trim_end_matches(|character: char| character.is_ascii_digit());
    (kept.len() < before.len()).then(|| format!("{kept}<pid>@{after}"))
}

/// `has 5000097 bytes, more than the 4194304 of a message`.
fn message_size(_: &mut Names, text: &str) -> Option<String> {
    let (before, after) = text.split_once(" bytes, more than the ")?;
    let kept = before.trim_end_matches(|character: char| character.is_ascii_digit());
    Some(format!("{kept}<size> bytes, more than the {after}"))
}

/// `/tmp/.tmpAbCdEf/tree`: a folder of the crate `tempfile`, once.
fn folder(_: &mut Names, text: &str) -> Option<String> {
    let (before, after) = text.split_once("/.tmp")?;
    let rest =
        after.find(|character: char| !character.is_ascii_alphanumeric()).map_or("", |end| &after[end..]);
    Some(format!("{before}/<folder>{rest}"))
}

impl Names {
    /// A UUID, with or without dashes, wherever it is.
    fn rename_ids(&mut self, text: &str) -> Option<String> {
        const DIGITS: usize = 32;
        let is_part = |character: char| character.is_ascii_hexdigit() || character == '-';
        let mut renamed = String::new();
        let mut found = false;
        for word in text.split_inclusive(|character| !is_part(character)) {
            let id = word.trim_end_matches(|character| !is_part(character));
            let digits: String = id.trim_start_matches('-').chars().filter(|&it| it != '-').collect();
            if digits.len() == DIGITS {
                let next = self.0.len() + 1;
                let number = *self.0.entry(digits).or_insert(next);
                renamed += &format!("<id {number}>{}", &word[id.len()..]);
                found = true;
            } else {
                renamed += word;
            }
        }
        found.then_some(renamed)
    }
}
