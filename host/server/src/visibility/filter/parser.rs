//! The grammar of filters.

use crate::{
    error::Error,
    visibility::filter::{
        evaluation::{Condition, Field, Operator, Value},
        lexer::{Token, tokens},
    },
};

/// Deepest nesting of parentheses and `NOT`.
const MAX_DEPTH: usize = 32;

/// A filter without its limits.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) condition: Option<Condition>,
    /// Whether `GROUP BY ExecutionStatus` ends it.
    pub(super) grouped_by_status: bool,
}

pub(super) fn parse(query: &str) -> Result<Parsed, Error> {
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
        None => Ok(Parsed { condition, grouped_by_status }),
        Some(rest) => Err(unexpected(Some(rest))),
    }
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
