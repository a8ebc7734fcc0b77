//! Evaluates a filter on one run.

use std::cmp::Ordering;

use host_wire::temporal::api::{
    enums::v1::WorkflowExecutionStatus as Status, workflow::v1::WorkflowExecutionInfo,
};
use prost_types::Timestamp;

use crate::{error::Error, execution::run::Run, time::Time};

/// The fields of a run that filters name.
#[derive(Debug)]
pub(crate) struct Listed<'a> {
    workflow_id: &'a str,
    run_id: &'a str,
    workflow_type: &'a str,
    task_queue: &'a str,
    pub(crate) status: Status,
    start_time: Time,
    execution_time: Time,
    close_time: Option<Time>,
}

impl<'a> From<&'a Run> for Listed<'a> {
    fn from(run: &'a Run) -> Self {
        Self {
            workflow_id: &run.identity().workflow_id,
            run_id: &run.identity().run_id,
            workflow_type: run.start().workflow_type(),
            task_queue: run.start().queue_name(),
            status: run.status(),
            start_time: run.start().time(),
            execution_time: run.start().execution_time(),
            close_time: run.close_time(),
        }
    }
}

impl<'a> From<&'a WorkflowExecutionInfo> for Listed<'a> {
    fn from(info: &'a WorkflowExecutionInfo) -> Self {
        let time = |timestamp: Option<Timestamp>| timestamp.map(Time::from);
        Self {
            workflow_id: info.execution.as_ref().map_or("", |execution| &execution.workflow_id),
            run_id: info.execution.as_ref().map_or("", |execution| &execution.run_id),
            workflow_type: info.r#type.as_ref().map_or("", |workflow_type| &workflow_type.name),
            task_queue: &info.task_queue,
            status: info.status(),
            start_time: time(info.start_time).unwrap_or_default(),
            execution_time: time(info.execution_time).unwrap_or_default(),
            close_time: time(info.close_time),
        }
    }
}

#[derive(Debug, PartialEq)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Field, Operator, Value),
    In(Field, Vec<Value>),
    StartsWith(Field, String),
    IsNull(Field),
}

impl Condition {
    pub(super) fn matches(&self, run: &Listed<'_>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.matches(run)),
            Self::Any(any) => any.iter().any(|one| one.matches(run)),
            Self::Not(not) => !not.matches(run),
            Self::Compare(field, operator, value) => {
                field.of(run).is_some_and(|own| operator.holds(&own, value))
            }
            Self::In(field, values) => field.of(run).is_some_and(|own| values.contains(&own)),
            Self::StartsWith(field, prefix) => {
                matches!(field.of(run), Some(Value::Text(text)) if text.starts_with(prefix))
            }
            Self::IsNull(field) => field.of(run).is_none(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field {
    WorkflowId,
    WorkflowType,
    RunId,
    ExecutionStatus,
    TaskQueue,
    StartTime,
    ExecutionTime,
    CloseTime,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(super) enum Value {
    Text(String),
    Time(Time),
}

impl Operator {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let Some(ordering) = left.partial_cmp(right) else { return false };
        match self {
            Self::Equal => ordering == Ordering::Equal,
            Self::NotEqual => ordering != Ordering::Equal,
            Self::Greater => ordering == Ordering::Greater,
            Self::GreaterOrEqual => ordering != Ordering::Less,
            Self::Less => ordering == Ordering::Less,
            Self::LessOrEqual => ordering != Ordering::Greater,
        }
    }
}

impl Field {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "WorkflowId" => Self::WorkflowId,
            "WorkflowType" => Self::WorkflowType,
            "RunId" => Self::RunId,
            "ExecutionStatus" => Self::ExecutionStatus,
            "TaskQueue" => Self::TaskQueue,
            "StartTime" => Self::StartTime,
            "ExecutionTime" => Self::ExecutionTime,
            "CloseTime" => Self::CloseTime,
            _ => return None,
        })
    }

    fn of(self, run: &Listed<'_>) -> Option<Value> {
        Some(match self {
            Self::WorkflowId => Value::Text(run.workflow_id.to_owned()),
            Self::WorkflowType => Value::Text(run.workflow_type.to_owned()),
            Self::RunId => Value::Text(run.run_id.to_owned()),
            Self::ExecutionStatus => Value::Text(status_name(run.status).to_owned()),
            Self::TaskQueue => Value::Text(run.task_queue.to_owned()),
            Self::StartTime => Value::Time(run.start_time),
            Self::ExecutionTime => Value::Time(run.execution_time),
            Self::CloseTime => Value::Time(run.close_time?),
        })
    }

    /// The value that a literal means for this field.
    pub(super) fn value(self, literal: &str) -> Result<Value, Error> {
        match self {
            Self::StartTime | Self::ExecutionTime | Self::CloseTime => {
                if let Ok(nanos) = literal.parse() {
                    return Ok(Value::Time(Time(nanos)));
                }
                let time: Timestamp = literal
                    .parse()
                    .map_err(|_| Error::invalid(format!("invalid query: '{literal}' is not a time")))?;
                Ok(Value::Time(time.into()))
            }
            Self::ExecutionStatus => {
                let status = STATUSES.iter().find(|(name, status)| {
                    name.eq_ignore_ascii_case(literal)
                        || status.as_str_name() == literal
                        || i32::from(*status).to_string() == literal
                });
                match status {
                    Some((name, _)) => Ok(Value::Text((*name).to_owned())),
                    None => Err(Error::invalid(format!(
                        "invalid query: invalid ExecutionStatus value '{literal}'"
                    ))),
                }
            }
            _ => Ok(Value::Text(literal.to_owned())),
        }
    }
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
