//! The fields that filters name, and what literals mean for them.

use host_wire::temporal::api::enums::v1::{IndexedValueType as Kind, WorkflowExecutionStatus as Status};
use prost_types::Timestamp;

use crate::{
    error::Error,
    time::Time,
    visibility::{
        filter::{listed::Listed, refusal::invalid},
        kinds::{self, INTERNAL, NAMESPACE_DIVISION, PREDEFINED, SYSTEM},
        registry::Custom,
        value::Value,
    },
};

/// What precedes the ids of schedules in the ids of the workflows that Temporal's server runs for them.
pub(crate) const SCHEDULE_WORKFLOW_ID: &str = "temporal-sys-scheduler:";

/// A search attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// What precedes every value.
    prefix: &'static str,
}

/// A value as a filter writes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
}

impl std::fmt::Display for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Bool(is_set) => write!(f, "{is_set}"),
        }
    }
}

impl Field {
    pub(super) fn named(name: &str, custom: &Custom) -> Result<Self, Error> {
        let of_all = [SYSTEM, PREDEFINED, INTERNAL].iter().find_map(|list| kinds::of(list, name));
        if let Some(kind) = of_all.or_else(|| custom.get(name).copied()) {
            return Ok(Self { name: name.to_owned(), kind, prefix: "" });
        }
        if name == "ScheduleId" {
            let (name, prefix) = ("WorkflowId".to_owned(), SCHEDULE_WORKFLOW_ID);
            return Ok(Self { name, kind: Kind::Keyword, prefix });
        }
        Err(invalid(format_args!("column name '{name}' is not a valid search attribute")))
    }

    pub(super) fn is_division(&self) -> bool {
        self.name == NAMESPACE_DIVISION
    }

    /// Whether the values are in an order.
    pub(super) fn has_ranges(&self) -> bool {
        matches!(self.kind, Kind::Datetime | Kind::Double | Kind::Int | Kind::Keyword)
    }

    /// The value of a run. A run that is open closes after all others.
    pub(super) fn of(&self, run: &Listed<'_>) -> Option<Value> {
        match self.name.as_str() {
            "CloseTime" => Some(Value::Time(run.close_time.unwrap_or(Time(i64::MAX)))),
            _ => self.of_set(run),
        }
    }

    pub(super) fn is_set(&self, run: &Listed<'_>) -> bool {
        self.of_set(run).is_some()
    }

    fn of_set(&self, run: &Listed<'_>) -> Option<Value> {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        match self.name.as_str() {
            "WorkflowId" => text(run.workflow_id),
            "RunId" => text(run.run_id),
            "WorkflowType" => text(run.workflow_type),
            "TaskQueue" => text(run.task_queue),
            "ExecutionStatus" => Some(Value::Int(i32::from(run.status).into())),
            "StartTime" => Some(Value::Time(run.start_time)),
            "ExecutionTime" => Some(Value::Time(run.execution_time)),
            "CloseTime" => run.close_time.map(Value::Time),
            "ParentWorkflowId" => text(&run.parent?.workflow_id),
            "ParentRunId" => text(&run.parent?.run_id),
            "RootWorkflowId" => text(&run.root.as_ref()?.workflow_id),
            "RootRunId" => text(&run.root.as_ref()?.run_id),
            "HistoryLength" => Some(Value::Int(run.at_close?.history_length)),
            "HistorySizeBytes" => Some(Value::Int(run.at_close?.history_bytes)),
            "StateTransitionCount" => Some(Value::Int(run.at_close?.state_transitions)),
            "ExecutionDuration" => Some(Value::Int(run.at_close?.duration)),
            name => run.attribute(name, self.kind),
        }
    }

    /// The value that a literal means for this field.
    pub(super) fn value(&self, literal: &Literal) -> Result<Value, Error> {
        match (self.name.as_str(), self.kind) {
            ("ExecutionStatus", _) => status(literal),
            ("ExecutionDuration", _) => duration(literal),
            (_, Kind::Datetime) => time(literal),
            (_, Kind::Int | Kind::Double) => self.number(literal),
            (_, Kind::Bool) => match literal {
                Literal::Bool(is_set) => Ok(Value::Bool(*is_set)),
                Literal::Int(number @ 0..=1) => Ok(Value::Bool(*number == 1)),
                Literal::Text(text) if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
                Literal::Text(text) if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
                _ => Err(self.wrong(literal)),
            },
            _ => match literal {
                Literal::Text(text) => Ok(Value::Text(format!("{}{text}", self.prefix))),
                Literal::Int(number) if self.kind == Kind::Keyword => Ok(Value::Text(number.to_string())),
                Literal::Double(number) if self.kind == Kind::Keyword => Ok(Value::Text(number.to_string())),
                _ => Err(invalid(format_args!("unexpected value type (expected string, got {literal})"))),
            },
        }
    }

    fn number(&self, literal: &Literal) -> Result<Value, Error> {
        match literal {
            Literal::Int(number) => Ok(Value::Int(*number)),
            Literal::Double(number) => Ok(Value::Double(*number)),
            Literal::Text(text) => {
                let int = text.parse().map(Value::Int);
                int.or_else(|_| text.parse().map(Value::Double)).map_err(|_| self.wrong(literal))
            }
            Literal::Bool(_) => Err(self.wrong(literal)),
        }
    }

    fn wrong(&self, literal: &Literal) -> Error {
        let kind = kinds::name(self.kind);
        invalid(format_args!("invalid value {literal} for search attribute {} of type {kind}", self.name))
    }
}

fn time(literal: &Literal) -> Result<Value, Error> {
    match literal {
        Literal::Int(nanos) => Ok(Value::Time(Time(*nanos))),
        Literal::Text(text) => {
            let time = text.parse::<Timestamp>();
            let time = time.map_err(|_| invalid(format_args!("unable to parse datetime '{text}'")))?;
            Ok(Value::Time(time.into()))
        }
        _ => Err(invalid(format_args!("unable to parse datetime {literal}"))),
    }
}

fn status(literal: &Literal) -> Result<Value, Error> {
    let number = match literal {
        Literal::Int(number) => Some(*number),
        Literal::Text(text) => STATUSES.iter().find_map(|(name, status)| {
            let is_it = name.eq_ignore_ascii_case(text) || status.as_str_name() == text;
            is_it.then_some(i64::from(i32::from(*status)))
        }),
        Literal::Double(_) | Literal::Bool(_) => None,
    };
    number.map(Value::Int).ok_or_else(|| match literal {
        Literal::Text(text) => invalid(format_args!("invalid ExecutionStatus value '{text}'")),
        _ => invalid(format_args!("invalid ExecutionStatus value '{literal}'")),
    })
}

/// Nanoseconds, a duration of Go (`1h30m`, also with days), or `hh:mm:ss`.
fn duration(literal: &Literal) -> Result<Value, Error> {
    let nanos = match literal {
        Literal::Int(nanos) => Some(*nanos),
        Literal::Text(text) => text.parse().ok().or_else(|| of_units(text)).or_else(|| of_clock(text)),
        Literal::Double(_) | Literal::Bool(_) => None,
    };
    nanos.map(Value::Int).ok_or_else(|| {
        invalid(format_args!("invalid value for search attribute ExecutionDuration: {literal}"))
    })
}

const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("\u{b5}s", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3_600e9),
    ("d", 86_400e9),
];

fn of_units(text: &str) -> Option<i64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let after = &rest[number..];
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == &after[..unit])?;
        nanos += rest[..number].parse::<f64>().ok()? * factor;
        rest = &after[unit..];
    }
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    (!text.is_empty() && text != "-").then_some((sign * nanos) as i64)
}

fn of_clock(text: &str) -> Option<i64> {
    let parts: Vec<i64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes @ 0..60, seconds @ 0..60] = parts[..] else { return None };
    hours.checked_mul(3_600)?.checked_add(minutes * 60 + seconds)?.checked_mul(1_000_000_000)
}

const STATUSES: [(&str, Status); 7] = [
    ("Running", Status::Running),
    ("Completed", Status::Completed),
    ("Failed", Status::Failed),
    ("Canceled", Status::Canceled),
    ("Terminated", Status::Terminated),
    ("ContinuedAsNew", Status::ContinuedAsNew),
    ("TimedOut", Status::TimedOut),
];

/// The name that filters and counts use.
pub(crate) fn status_name(status: Status) -> &'static str {
    STATUSES.iter().find(|(_, known)| *known == status).map_or("Unspecified", |(name, _)| name)
}
