//! Filters of list and count requests: `WorkflowType = 'order' AND ExecutionStatus IN ('Running')`.
//!
//! A filter is parsed once and then asked about each run. Fields are those of [`Field`]; operators
//! are `= != > >= < <= IN STARTS_WITH BETWEEN IS NULL`, joined by `AND OR NOT` and parentheses.

use std::cmp::Ordering;

use host_wire::temporal::api::{
    enums::v1::WorkflowExecutionStatus as Status, workflow::v1::WorkflowExecutionInfo,
};
use prost_types::Timestamp;

use super::{
    error::Error,
    run::Run,
    time::{Time, positive},
};

/// Deepest nesting of parentheses and `NOT`.
const MAX_DEPTH: usize = 32;
/// Longest filter.
const MAX_BYTES: usize = 8 * 1024;

/// Which runs a list is about.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Filter {
    condition: Option<Condition>,
    /// Whether the answer is counted by status.
    pub(crate) grouped_by_status: bool,
}

/// What a filter looks at.
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
        let backoff = positive(run.start.first_workflow_task_backoff).unwrap_or_default();
        Self {
            workflow_id: &run.birth.workflow_id,
            run_id: &run.birth.run_id,
            workflow_type: run.workflow_type(),
            task_queue: run.queue_name(),
            status: run.status,
            start_time: run.start_time,
            execution_time: run.start_time.after(backoff),
            close_time: run.close_time,
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
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Field, Operator, Value),
    In(Field, Vec<Value>),
    StartsWith(Field, String),
    IsNull(Field),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Field {
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
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Value {
    Text(String),
    Time(Time),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Symbol(&'static str),
}

impl Filter {
    pub(crate) fn parse(query: &str) -> Result<Self, Error> {
        if query.len() > MAX_BYTES {
            return Err(Error::invalid("invalid query: too long"));
        }
        let mut parser = Parser { tokens: tokens(query)?, at: 0, depth: 0 };
        let condition = match parser.peek() {
            None => None,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("GROUP") => None,
            Some(_) => Some(parser.any()?),
        };
        let grouped_by_status = parser.keyword("GROUP");
        if grouped_by_status {
            let by = parser.keyword("BY") && parser.field()? == Field::ExecutionStatus;
            if !by {
                return Err(Error::invalid(
                    "invalid query: 'GROUP BY' clause is only supported for ExecutionStatus",
                ));
            }
        }
        match parser.peek() {
            None => Ok(Self { condition, grouped_by_status }),
            Some(rest) => Err(unexpected(Some(rest))),
        }
    }

    pub(crate) fn matches(&self, run: &Listed<'_>) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.matches(run))
    }
}

impl Condition {
    fn matches(&self, run: &Listed<'_>) -> bool {
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
    fn named(name: &str) -> Option<Self> {
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
    fn value(self, literal: &str) -> Result<Value, Error> {
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

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn any(&mut self) -> Result<Condition, Error> {
        let mut conditions = vec![self.all()?];
        while self.keyword("OR") {
            conditions.push(self.all()?);
        }
        Ok(one_or(conditions, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, Error> {
        let mut conditions = vec![self.single()?];
        while self.keyword("AND") {
            conditions.push(self.single()?);
        }
        Ok(one_or(conditions, Condition::All))
    }

    fn single(&mut self) -> Result<Condition, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::invalid("invalid query: nested too deeply"));
        }
        let condition = if self.keyword("NOT") {
            Condition::Not(Box::new(self.single()?))
        } else if self.symbol("(") {
            let inner = self.any()?;
            self.expect(")")?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Condition, Error> {
        let field = self.field()?;
        if self.keyword("IS") {
            let not = self.keyword("NOT");
            if !self.keyword("NULL") {
                return Err(unexpected(self.peek()));
            }
            return Ok(negated(not, Condition::IsNull(field)));
        }
        let not = self.keyword("NOT");
        if self.keyword("IN") {
            self.expect("(")?;
            let mut values = vec![self.value(field)?];
            while self.symbol(",") {
                values.push(self.value(field)?);
            }
            self.expect(")")?;
            return Ok(negated(not, Condition::In(field, values)));
        }
        if self.keyword("STARTS_WITH") {
            let prefix = self.literal()?;
            return Ok(negated(not, Condition::StartsWith(field, prefix)));
        }
        if self.keyword("BETWEEN") {
            let from = Condition::Compare(field, Operator::GreaterOrEqual, self.value(field)?);
            if !self.keyword("AND") {
                return Err(unexpected(self.peek()));
            }
            let to = Condition::Compare(field, Operator::LessOrEqual, self.value(field)?);
            return Ok(negated(not, Condition::All(vec![from, to])));
        }
        let operators = [
            ("=", Operator::Equal),
            ("!=", Operator::NotEqual),
            (">=", Operator::GreaterOrEqual),
            (">", Operator::Greater),
            ("<=", Operator::LessOrEqual),
            ("<", Operator::Less),
        ];
        for (symbol, operator) in operators {
            if !not && self.symbol(symbol) {
                return Ok(Condition::Compare(field, operator, self.value(field)?));
            }
        }
        Err(unexpected(self.peek()))
    }

    fn field(&mut self) -> Result<Field, Error> {
        let Some(Token::Word(name)) = self.peek().cloned() else { return Err(unexpected(self.peek())) };
        self.at += 1;
        Field::named(&name).ok_or_else(|| {
            Error::invalid(format!(
                "invalid query: column name '{name}' is not a field this service can list by"
            ))
        })
    }

    fn value(&mut self, field: Field) -> Result<Value, Error> {
        let literal = self.literal()?;
        field.value(&literal)
    }

    fn literal(&mut self) -> Result<String, Error> {
        match self.peek().cloned() {
            Some(Token::Text(text) | Token::Word(text)) => {
                self.at += 1;
                Ok(text)
            }
            other => Err(unexpected(other.as_ref())),
        }
    }

    fn expect(&mut self, symbol: &str) -> Result<(), Error> {
        if self.symbol(symbol) { Ok(()) } else { Err(unexpected(self.peek())) }
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(own)) if *own == symbol);
        self.at += usize::from(found);
        found
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }
}

fn one_or(mut conditions: Vec<Condition>, many: impl FnOnce(Vec<Condition>) -> Condition) -> Condition {
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        Some(last) => {
            conditions.push(last);
            many(conditions)
        }
        None => many(conditions),
    }
}

fn negated(not: bool, condition: Condition) -> Condition {
    if not { Condition::Not(Box::new(condition)) } else { condition }
}

fn unexpected(token: Option<&Token>) -> Error {
    Error::invalid(match token {
        None => "invalid query: unexpected end".to_owned(),
        Some(Token::Word(word)) => format!("invalid query: unexpected '{word}'"),
        Some(Token::Text(text)) => format!("invalid query: unexpected text '{text}'"),
        Some(Token::Symbol(symbol)) => format!("invalid query: unexpected '{symbol}'"),
    })
}

fn tokens(query: &str) -> Result<Vec<Token>, Error> {
    const SYMBOLS: [&str; 9] = ["!=", ">=", "<=", "=", ">", "<", "(", ")", ","];
    let mut tokens = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        if matches!(first, '\'' | '"') {
            let inside = &rest[1..];
            let end =
                inside.find(first).ok_or_else(|| Error::invalid("invalid query: text without an end"))?;
            tokens.push(Token::Text(inside[..end].to_owned()));
            rest = &inside[end + 1..];
        } else if first == '`' {
            rest = &rest[1..];
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            tokens.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        } else {
            let is_word = |c: char| c.is_alphanumeric() || "_-.:+".contains(c);
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(Error::invalid(format!("invalid query: unexpected '{first}'")));
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}
