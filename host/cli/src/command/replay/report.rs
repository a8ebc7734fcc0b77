//! What `host replay` prints of a history: text, JSON, or JUnit's XML.

use guest_sdk_types::Payload;
use host_wire::temporal::api::{enums::v1::QueryResultType, query::v1::WorkflowQueryResult};
use host_worker::workflow::replay::{RecordedCommand, Report, SourceLine, Verdict};

use crate::{
    exit::chain,
    output::{
        escape::{Place, escape},
        json::{self, Object},
        junit::Case,
        payloads_json,
    },
};

/// A history that was replayed.
#[derive(Debug)]
pub(super) struct Replayed {
    /// Where it came from.
    pub(super) name: String,
    /// What came of it, or why it could not be read.
    pub(super) report: anyhow::Result<Report>,
    /// The answer to the query that was asked at the end.
    pub(super) answer: Option<WorkflowQueryResult>,
}

impl Replayed {
    /// Whether history and module agree, and the query was answered.
    pub(super) fn is_good(&self) -> bool {
        let answered = |answer: &WorkflowQueryResult| answer.result_type() == QueryResultType::Answered;
        self.report.as_ref().is_ok_and(|report| report.verdict.is_ok()) && self.answer.iter().all(answered)
    }

    pub(super) fn text(&self) -> anyhow::Result<String> {
        let mut text = text(&self.name, &self.report);
        match &self.answer {
            None => {}
            Some(answer) if answer.result_type() == QueryResultType::Answered => {
                text.push('\n');
                text.push_str(&json::indent(&answer_json(answer)?));
            }
            Some(answer) => {
                text.push_str(&format!(
                    "\n  the query failed: {}",
                    escape(&answer.error_message, Place::Line)
                ));
            }
        }
        Ok(text)
    }

    pub(super) fn object(&self) -> anyhow::Result<Object> {
        let object = object(&self.name, &self.report);
        Ok(match &self.answer {
            None => object,
            Some(answer) if answer.result_type() == QueryResultType::Answered => {
                object.raw("queryResult", &answer_json(answer)?)
            }
            Some(answer) => object.field("queryFailure", &answer.error_message),
        })
    }

    pub(super) fn case(&self) -> Case {
        let failure = match &self.answer {
            _ if self.is_good() => None,
            Some(answer) => Some(format!("the query failed: {}", answer.error_message)),
            None => {
                let (verdict, explanation) = explain(&self.report);
                Some(format!("{verdict}: {explanation}"))
            }
        };
        let class = self.report.as_ref().map_or("", |report| &report.workflow_type).to_owned();
        Case { class, name: self.name.clone(), failure }
    }
}

fn answer_json(answer: &WorkflowQueryResult) -> anyhow::Result<String> {
    let payloads = answer.answer.clone().unwrap_or_default().payloads;
    Ok(payloads_json(payloads.into_iter().map(Payload::try_from).collect::<Result<_, _>>()?)?)
}

/// Word and explanation of a verdict.
fn explain(report: &anyhow::Result<Report>) -> (&'static str, String) {
    let report = match report {
        Ok(report) => report,
        Err(error) => return ("unreadable", chain(error)),
    };
    let name = match &report.verdict {
        Verdict::Ok => return ("ok", String::new()),
        Verdict::Nondeterminism(_) => "differs",
        Verdict::GuestFault { .. } => "faulted",
        Verdict::BrokenHistory { .. } => "broken",
        Verdict::UnknownType { .. } => "unknown type",
        Verdict::HostFault { .. } => "host fault",
        // The list is open for verdicts of later versions.
        _ => "not ok",
    };
    (name, report.verdict.to_string())
}

fn text(name: &str, report: &anyhow::Result<Report>) -> String {
    let (verdict, explanation) = explain(report);
    let mut text = format!("{verdict:<12}  {}", escape(name, Place::Line));
    if let Ok(report) = report {
        let statistics = &report.statistics;
        text.push_str(&format!(
            ": {}, {} events, {} activations, {:.1?}",
            escape(&report.workflow_type, Place::Line),
            statistics.events,
            statistics.activations,
            statistics.elapsed
        ));
    }
    for line in explanation.lines() {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}

fn object(name: &str, report: &anyhow::Result<Report>) -> Object {
    let (verdict, explanation) = explain(report);
    let object = Object::new().field("history", name).field("verdict", verdict);
    let Ok(report) = report else { return object.field("message", explanation) };
    let object = object
        .field("workflowType", &report.workflow_type)
        .field("events", report.statistics.events)
        .field("activations", report.statistics.activations);
    match &report.verdict {
        Verdict::Ok => object,
        Verdict::Nondeterminism(difference) => object
            .field("eventId", difference.event_id)
            .field("expected", &difference.expected)
            .field("actual", &difference.actual)
            .raw("askedAt", &source_line(difference.asked_at.as_ref()))
            .raw("before", &recorded_commands(&difference.before))
            .raw("beforeAt", &source_line(difference.before_at.as_ref()))
            .field("cause", difference.cause),
        _ => object.field("message", explanation),
    }
}

fn source_line(line: Option<&SourceLine>) -> String {
    let Some(SourceLine { function, file, line }) = line else { return "null".to_owned() };
    Object::new().field("function", function).field("file", file).field("line", line).finish()
}

fn recorded_commands(commands: &[RecordedCommand]) -> String {
    let object = |RecordedCommand { event_id, command }: &RecordedCommand| {
        Object::new().field("eventId", event_id).field("command", command).finish()
    };
    format!("[{}]", commands.iter().map(object).collect::<Vec<_>>().join(","))
}
