//! Queries of ListWorkers: `TaskQueue = 'orders' AND StartTime > '2026-01-31T00:00:00Z'`.
//!
//! The fields and operators are those of Temporal's server (`service/matching/workers/worker_query_engine.go`). A query
//! that asks for others is refused; that server answers with no worker.

use host_wire::temporal::api::worker::v1::WorkerHeartbeat;
use prost_types::Timestamp;

use crate::{
    error::Error,
    time::Time,
    visibility::filter::{Cursor, Operator, Token},
};

/// Deepest nesting of parentheses.
const MAX_DEPTH: usize = 32;
/// Longest query, in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// Which workers a list is about.
#[derive(Debug, PartialEq)]
pub(crate) struct Query(Option<Condition>);

impl Query {
    /// Parses a query; an empty one is about all workers.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub(crate) fn parse(query: &str) -> Result<Self, Error> {
        if query.len() > MAX_BYTES {
            return Err(malformed("too long"));
        }
        if query.is_empty() {
            return Ok(Self(None));
        }
        let mut parser = Parser { tokens: Cursor::new(query)?, depth: 0 };
        let condition = parser.any()?;
        match parser.tokens.peek() {
            None => Ok(Self(Some(condition))),
            Some(token) => Err(unexpected(Some(token))),
        }
    }

    /// Whether the list has this worker.
    pub(crate) fn finds(&self, heartbeat: &WorkerHeartbeat) -> bool {
        self.0.as_ref().is_none_or(|condition| condition.holds(heartbeat))
    }
}

#[derive(Debug, PartialEq)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Text(TextField, TextOperator, String),
    Time(TimeField, Operator, Time),
    Between { field: TimeField, not: bool, from: Time, to: Time },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum TextField {
    InstanceKey,
    Identity,
    HostName,
    TaskQueue,
    DeploymentName,
    BuildId,
    SdkName,
    SdkVersion,
    Status,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum TimeField {
    Start,
    Heartbeat,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Field {
    Text(TextField),
    Time(TimeField),
}

const FIELDS: [(&str, Field); 11] = [
    ("WorkerInstanceKey", Field::Text(TextField::InstanceKey)),
    ("WorkerIdentity", Field::Text(TextField::Identity)),
    ("HostName", Field::Text(TextField::HostName)),
    ("TaskQueue", Field::Text(TextField::TaskQueue)),
    ("DeploymentName", Field::Text(TextField::DeploymentName)),
    ("BuildId", Field::Text(TextField::BuildId)),
    ("SdkName", Field::Text(TextField::SdkName)),
    ("SdkVersion", Field::Text(TextField::SdkVersion)),
    ("WorkerStatus", Field::Text(TextField::Status)),
    ("StartTime", Field::Time(TimeField::Start)),
    ("HeartbeatTime", Field::Time(TimeField::Heartbeat)),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum TextOperator {
    Equal,
    NotEqual,
    StartsWith,
    NotStartsWith,
}

impl Condition {
    fn holds(&self, worker: &WorkerHeartbeat) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(worker)),
            Self::Any(any) => any.iter().any(|one| one.holds(worker)),
            Self::Text(field, operator, text) => operator.holds(field.of(worker), text),
            // One that is not set is the epoch.
            Self::Time(field, operator, time) => {
                operator.accepts(field.of(worker).unwrap_or_default().cmp(time))
            }
            Self::Between { field, not, from, to } => {
                field.of(worker).is_some_and(|own| (*from <= own && own <= *to) != *not)
            }
        }
    }
}

impl TextField {
    fn of(self, worker: &WorkerHeartbeat) -> &str {
        let deployment = worker.deployment_version.as_ref();
        match self {
            Self::InstanceKey => &worker.worker_instance_key,
            Self::Identity => &worker.worker_identity,
            Self::HostName => worker.host_info.as_ref().map_or("", |host| &host.host_name),
            Self::TaskQueue => &worker.task_queue,
            Self::DeploymentName => deployment.map_or("", |version| &version.deployment_name),
            Self::BuildId => deployment.map_or("", |version| &version.build_id),
            Self::SdkName => &worker.sdk_name,
            Self::SdkVersion => &worker.sdk_version,
            Self::Status => status_name(worker),
        }
    }
}

/// The name of a worker's status as queries write it.
fn status_name(worker: &WorkerHeartbeat) -> &'static str {
    use host_wire::temporal::api::enums::v1::WorkerStatus;
    match worker.status() {
        WorkerStatus::Unspecified => "Unspecified",
        WorkerStatus::Running => "Running",
        WorkerStatus::ShuttingDown => "ShuttingDown",
        WorkerStatus::Shutdown => "Shutdown",
    }
}

impl TimeField {
    fn of(self, worker: &WorkerHeartbeat) -> Option<Time> {
        match self {
            Self::Start => worker.start_time,
            Self::Heartbeat => worker.heartbeat_time,
        }
        .map(Time::from)
    }
}

impl TextOperator {
    fn holds(self, own: &str, text: &str) -> bool {
        match self {
            Self::Equal => own == text,
            Self::NotEqual => own != text,
            Self::StartsWith => own.starts_with(text),
            Self::NotStartsWith => !own.starts_with(text),
        }
    }
}

struct Parser {
    tokens: Cursor,
    depth: usize,
}

impl Parser {
    fn any(&mut self) -> Result<Condition, Error> {
        let mut conditions = vec![self.all()?];
        while self.tokens.keyword("OR") {
            conditions.push(self.all()?);
        }
        Ok(Condition::Any(conditions))
    }

    fn all(&mut self) -> Result<Condition, Error> {
        let mut conditions = vec![self.single()?];
        while self.tokens.keyword("AND") {
            conditions.push(self.single()?);
        }
        Ok(Condition::All(conditions))
    }

    fn single(&mut self) -> Result<Condition, Error> {
        if !self.tokens.symbol("(") {
            return self.comparison();
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(malformed("nested too deeply"));
        }
        let condition = self.any()?;
        if !self.tokens.symbol(")") {
            return Err(unexpected(self.tokens.peek()));
        }
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Condition, Error> {
        if self.tokens.keyword("NOT") {
            return Err(not_supported("'not' expression"));
        }
        let (name, field) = self.field()?;
        if self.tokens.keyword("IS") {
            return Err(not_supported("'is' expression"));
        }
        let not = self.tokens.keyword("NOT");
        match field {
            Field::Text(field) => self.compared_text(&name, field, not),
            Field::Time(field) if self.tokens.keyword("BETWEEN") => {
                let from = self.time(&name)?;
                if !self.tokens.keyword("AND") {
                    return Err(unexpected(self.tokens.peek()));
                }
                Ok(Condition::Between { field, not, from, to: self.time(&name)? })
            }
            Field::Time(field) => {
                let operator = if not { None } else { self.tokens.operator() };
                let (_, operator) = operator.ok_or_else(|| self.no_operator(&name))?;
                Ok(Condition::Time(field, operator, self.time(&name)?))
            }
        }
    }

    fn field(&mut self) -> Result<(String, Field), Error> {
        let name = match self.tokens.peek() {
            Some(Token::Word(name) | Token::Name(name)) => name.clone(),
            other => return Err(unexpected(other)),
        };
        let field = FIELDS.iter().find(|(known, _)| *known == name).ok_or_else(|| {
            Error::invalid(format!("unknown or unsupported worker heartbeat search field: {name}"))
        })?;
        self.tokens.advance();
        Ok((name, field.1))
    }

    fn compared_text(&mut self, name: &str, field: TextField, not: bool) -> Result<Condition, Error> {
        let operator = match (not, self.tokens.keyword("STARTS_WITH")) {
            (false, true) => TextOperator::StartsWith,
            (true, true) => TextOperator::NotStartsWith,
            (false, false) if self.tokens.symbol("=") => TextOperator::Equal,
            (false, false) if self.tokens.symbol("!=") || self.tokens.symbol("<>") => TextOperator::NotEqual,
            (_, false) => return Err(self.no_operator(name)),
        };
        match self.literal()? {
            Token::Text(text) if text.is_empty() => Err(Error::invalid(format!("{name} cannot be empty"))),
            Token::Text(text) => Ok(Condition::Text(field, operator, text)),
            other => Err(Error::invalid(format!(
                "invalid value for {name}: value {} is not a string value",
                spelled(&other)
            ))),
        }
    }

    /// A time in nanoseconds since the epoch, or as a text (RFC 3339).
    fn time(&mut self, name: &str) -> Result<Time, Error> {
        let literal = self.literal()?;
        let time = match &literal {
            Token::Number(nanos) => nanos.parse().map(Time).ok(),
            Token::Text(text) => text.parse::<Timestamp>().map(Time::from).ok(),
            _ => None,
        };
        time.ok_or_else(|| {
            Error::invalid(format!("invalid value for {name}: {} is not a time", spelled(&literal)))
        })
    }

    fn literal(&mut self) -> Result<Token, Error> {
        match self.tokens.peek().cloned() {
            Some(token @ (Token::Text(_) | Token::Number(_) | Token::Word(_) | Token::Name(_))) => {
                self.tokens.advance();
                Ok(token)
            }
            other => Err(unexpected(other.as_ref())),
        }
    }

    /// There is no operator that the field has.
    fn no_operator(&self, name: &str) -> Error {
        match self.tokens.peek() {
            None => Error::invalid("incomplete expression"),
            Some(token) => Error::invalid(format!(
                "invalid expression: operation {} is not supported for {name} column",
                spelled(token)
            )),
        }
    }
}

fn malformed(what: &str) -> Error {
    Error::invalid(format!("malformed query: {what}"))
}

fn not_supported(what: &str) -> Error {
    Error::invalid(format!("operation is not supported: {what}"))
}

fn unexpected(token: Option<&Token>) -> Error {
    match token {
        None => malformed("unexpected end"),
        Some(token) => malformed(&format!("unexpected {}", spelled(token))),
    }
}

fn spelled(token: &Token) -> String {
    match token {
        Token::Word(word) | Token::Name(word) | Token::Number(word) => word.clone(),
        Token::Text(text) => format!("'{text}'"),
        Token::Symbol(symbol) => (*symbol).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::{
        deployment::v1::WorkerDeploymentVersion, enums::v1::WorkerStatus, worker::v1::WorkerHostInfo,
    };

    use super::*;

    fn worker() -> WorkerHeartbeat {
        let time = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        WorkerHeartbeat {
            worker_instance_key: "key-1".to_owned(),
            worker_identity: "me".to_owned(),
            host_info: Some(WorkerHostInfo { host_name: "box".to_owned(), ..WorkerHostInfo::default() }),
            task_queue: "orders".to_owned(),
            deployment_version: Some(WorkerDeploymentVersion {
                deployment_name: "shop".to_owned(),
                build_id: "1.0".to_owned(),
            }),
            sdk_name: "sdk".to_owned(),
            sdk_version: "1.2".to_owned(),
            status: WorkerStatus::Running.into(),
            start_time: time("2026-01-31T00:00:00Z"),
            ..WorkerHeartbeat::default()
        }
    }

    #[test]
    fn what_queries_find() {
        for (query, expected) in [
            ("", true),
            ("TaskQueue = 'orders'", true),
            ("TaskQueue = \"orders\" AND WorkerStatus = 'Running'", true),
            ("TaskQueue = 'other' OR (HostName = 'box' AND SdkName != 'x')", true),
            ("TaskQueue = 'other' AND HostName = 'box'", false),
            ("WorkerStatus = 'Shutdown'", false),
            ("WorkerInstanceKey STARTS_WITH 'key'", true),
            ("WorkerInstanceKey not starts_with 'key'", false),
            ("WorkerIdentity <> 'me'", false),
            ("DeploymentName = 'shop' AND BuildId = '1.0' AND SdkVersion = '1.2'", true),
            ("StartTime = '2026-01-31T00:00:00Z'", true),
            ("StartTime >= '2026-01-31T00:00:01Z'", false),
            ("StartTime < '2026-01-31T00:00:00.000000001Z'", true),
            ("StartTime > 1000000000", true),
            ("StartTime BETWEEN '2026-01-30T00:00:00Z' AND '2026-01-31T00:00:00Z'", true),
            ("StartTime NOT BETWEEN '2026-01-30T00:00:00Z' AND '2026-01-31T00:00:00Z'", false),
            // Not set: neither within nor outside, and the epoch in comparisons.
            ("HeartbeatTime NOT BETWEEN '2026-01-30T00:00:00Z' AND '2026-01-31T00:00:00Z'", false),
            ("HeartbeatTime < '2026-01-31T00:00:00Z'", true),
        ] {
            assert_eq!(Query::parse(query).unwrap().finds(&worker()), expected, "{query}");
        }
    }

    #[test]
    fn what_is_refused() {
        for (query, expected) in [
            (" ", "malformed query: unexpected end"),
            ("TaskQueue", "incomplete expression"),
            ("Nothing = 'x'", "unknown or unsupported worker heartbeat search field: Nothing"),
            ("TaskQueue > 'x'", "invalid expression: operation > is not supported for TaskQueue column"),
            ("TaskQueue = ''", "TaskQueue cannot be empty"),
            ("TaskQueue = 5", "invalid value for TaskQueue: value 5 is not a string value"),
            ("TaskQueue = x", "invalid value for TaskQueue: value x is not a string value"),
            ("TaskQueue IS NULL", "operation is not supported: 'is' expression"),
            ("NOT TaskQueue = 'x'", "operation is not supported: 'not' expression"),
            ("StartTime = 'soon'", "invalid value for StartTime: 'soon' is not a time"),
            (
                "StartTime STARTS_WITH '2026'",
                "invalid expression: operation STARTS_WITH is not supported for StartTime column",
            ),
            ("StartTime BETWEEN 1 OR 2", "malformed query: unexpected OR"),
            ("(TaskQueue = 'x'", "malformed query: unexpected end"),
            ("TaskQueue = 'x' LIMIT 5", "malformed query: unexpected LIMIT"),
        ] {
            assert_eq!(Query::parse(query).unwrap_err().to_string(), expected, "{query}");
        }
        assert!(Query::parse(&"(".repeat(1_000)).is_err());
    }
}
