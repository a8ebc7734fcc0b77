//! The grammar of filters.

use host_wire::temporal::api::enums::v1::IndexedValueType as Kind;

use crate::{
    error::Error,
    visibility::{
        filter::{
            cursor::Cursor,
            evaluation::Condition,
            field::{Field, Literal},
            lexer::Token,
            operator::Operator,
            refusal::{invalid, malformed, not_supported},
        },
        kinds,
        registry::Custom,
        value::{Value, words},
    },
};

/// Deepest nesting of parentheses and `NOT`.
const MAX_DEPTH: usize = 32;

/// A filter without its limits.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) condition: Option<Condition>,
    /// Whether it names `TemporalNamespaceDivision`.
    pub(super) names_division: bool,
    /// Whether `GROUP BY ExecutionStatus` ends it.
    pub(super) grouped_by_status: bool,
}

pub(super) fn parse(query: &str, custom: &Custom) -> Result<Parsed, Error> {
    let mut parser = Parser { tokens: Cursor::new(query)?, depth: 0, custom, names_division: false };
    let condition = match parser.tokens.peek() {
        None => None,
        Some(_) if parser.is_clause() => None,
        Some(_) => Some(parser.any()?),
    };
    let grouped_by_status = parser.group_by()?;
    for clause in ["ORDER", "LIMIT"] {
        if parser.tokens.keyword(clause) {
            let by = if clause == "ORDER" { " by" } else { "" };
            return Err(not_supported(format_args!("'{}{by}' clause", clause.to_lowercase())));
        }
    }
    match parser.tokens.peek() {
        None => Ok(Parsed { condition, names_division: parser.names_division, grouped_by_status }),
        Some(rest) => Err(unexpected(Some(rest))),
    }
}

struct Parser<'a> {
    tokens: Cursor,
    depth: usize,
    custom: &'a Custom,
    names_division: bool,
}

impl Parser<'_> {
    fn is_clause(&self) -> bool {
        let is = |word: &str| ["GROUP", "ORDER", "LIMIT"].iter().any(|it| it.eq_ignore_ascii_case(word));
        matches!(self.tokens.peek(), Some(Token::Word(word)) if is(word))
    }

    fn group_by(&mut self) -> Result<bool, Error> {
        if !self.tokens.keyword("GROUP") {
            return Ok(false);
        }
        if !self.tokens.keyword("BY") {
            return Err(unexpected(self.tokens.peek()));
        }
        let field = self.field()?;
        if self.tokens.symbol(",") {
            return Err(not_supported("'group by' clause supports only a single field"));
        }
        if field.name != "ExecutionStatus" {
            return Err(not_supported(
                "'group by' clause is only supported for ExecutionStatus search attribute",
            ));
        }
        Ok(true)
    }

    fn any(&mut self) -> Result<Condition, Error> {
        let mut conditions = vec![self.all()?];
        while self.tokens.keyword("OR") {
            conditions.push(self.all()?);
        }
        Ok(one_or(conditions, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, Error> {
        let mut conditions = vec![self.single()?];
        while self.tokens.keyword("AND") {
            conditions.push(self.single()?);
        }
        Ok(one_or(conditions, Condition::All))
    }

    fn single(&mut self) -> Result<Condition, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(malformed("nested too deeply"));
        }
        let condition = if self.tokens.keyword("NOT") {
            Condition::Not(Box::new(self.single()?))
        } else if self.tokens.symbol("(") {
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
        if self.tokens.keyword("IS") {
            return self.is_null(field);
        }
        let not = self.tokens.keyword("NOT");
        if self.tokens.keyword("IN") {
            let literals = self.literals()?;
            return Ok(negated(not, is_one_of(field, "in", &literals)?));
        }
        if self.tokens.keyword("STARTS_WITH") {
            return Ok(negated(not, self.starts_with(field)?));
        }
        if self.tokens.keyword("BETWEEN") {
            return Ok(negated(not, self.between(&field)?));
        }
        if self.tokens.keyword("LIKE") {
            let operator = if not { "not like" } else { "like" };
            return Err(invalid(format_args!("invalid operator '{operator}' for {}", field.name)));
        }
        if !not && let Some((symbol, operator)) = self.tokens.operator() {
            let literal = self.literal()?;
            return compared(field, symbol, operator, &literal);
        }
        match self.tokens.peek() {
            None => Err(invalid("incomplete expression")),
            rest => Err(unexpected(rest)),
        }
    }

    fn is_null(&mut self, field: Field) -> Result<Condition, Error> {
        let not = self.tokens.keyword("NOT");
        if !self.tokens.keyword("NULL") {
            return Err(invalid("'IS' operator can only be used with 'NULL' or 'NOT NULL'"));
        }
        Ok(negated(not, Condition::IsNull(field)))
    }

    fn starts_with(&mut self, field: Field) -> Result<Condition, Error> {
        let literal = self.literal()?;
        let value = match field.kind {
            Kind::Keyword if field.name != "ExecutionStatus" => field.value(&literal)?,
            Kind::KeywordList | Kind::Text => return Err(not_for(&field, "starts_with")),
            _ => return Err(not_a_prefix(&literal)),
        };
        match (value, literal) {
            (Value::Text(prefix), Literal::Text(_)) => Ok(Condition::StartsWith(field, prefix)),
            (_, literal) => Err(not_a_prefix(&literal)),
        }
    }

    fn between(&mut self, field: &Field) -> Result<Condition, Error> {
        if !field.has_ranges() {
            return Err(invalid(format_args!(
                "cannot do range condition on search attribute '{}' of type {}",
                field.name,
                kinds::name(field.kind)
            )));
        }
        let from = field.value(&self.literal()?)?;
        if !self.tokens.keyword("AND") {
            return Err(unexpected(self.tokens.peek()));
        }
        let to = field.value(&self.literal()?)?;
        let bound = |operator, value| Condition::Compare(field.clone(), operator, value);
        Ok(Condition::All(vec![bound(Operator::GreaterOrEqual, from), bound(Operator::LessOrEqual, to)]))
    }

    fn field(&mut self) -> Result<Field, Error> {
        let name = match self.tokens.peek() {
            Some(Token::Word(name) | Token::Name(name)) => name.clone(),
            other => return Err(unexpected(other)),
        };
        self.tokens.advance();
        let field = Field::named(&name, self.custom)?;
        self.names_division |= field.is_division();
        Ok(field)
    }

    fn literals(&mut self) -> Result<Vec<Literal>, Error> {
        self.expect("(")?;
        let mut literals = vec![self.literal()?];
        while self.tokens.symbol(",") {
            literals.push(self.literal()?);
        }
        self.expect(")")?;
        Ok(literals)
    }

    fn literal(&mut self) -> Result<Literal, Error> {
        let literal = match self.tokens.peek() {
            Some(Token::Text(text)) => Literal::Text(text.clone()),
            Some(Token::Number(number)) => number_literal(number)?,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => Literal::Bool(true),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => Literal::Bool(false),
            Some(Token::Word(word) | Token::Name(word)) => {
                return Err(not_supported(format_args!(
                    "column name on the right side of comparison expression (did you forget to quote '{word}'?)"
                )));
            }
            other => return Err(unexpected(other)),
        };
        self.tokens.advance();
        Ok(literal)
    }

    fn expect(&mut self, symbol: &str) -> Result<(), Error> {
        if self.tokens.symbol(symbol) { Ok(()) } else { Err(unexpected(self.tokens.peek())) }
    }
}

fn compared(field: Field, symbol: &str, operator: Operator, literal: &Literal) -> Result<Condition, Error> {
    if !matches!(field.kind, Kind::KeywordList | Kind::Text) {
        let value = field.value(literal)?;
        return Ok(Condition::Compare(field, operator, value));
    }
    let not = match operator {
        Operator::Equal => false,
        Operator::NotEqual => true,
        _ => return Err(not_for(&field, symbol)),
    };
    let condition = match (field.kind, field.value(literal)?) {
        (Kind::Text, Value::Text(text)) => {
            let phrases: Vec<_> = text.split(' ').map(words).filter(|phrase| !phrase.is_empty()).collect();
            if phrases.is_empty() {
                return Err(invalid(format_args!(
                    "unexpected value for Text type search attribute (no tokens found in {literal})"
                )));
            }
            Condition::HasPhrase(field, phrases)
        }
        (_, value) => Condition::HasKeyword(field, vec![value]),
    };
    Ok(negated(not, condition))
}

fn is_one_of(field: Field, operator: &str, literals: &[Literal]) -> Result<Condition, Error> {
    if field.kind == Kind::Text {
        return Err(not_for(&field, operator));
    }
    let values = literals.iter().map(|literal| field.value(literal)).collect::<Result<_, _>>()?;
    Ok(match field.kind {
        Kind::KeywordList => Condition::HasKeyword(field, values),
        _ => Condition::In(field, values),
    })
}

fn number_literal(number: &str) -> Result<Literal, Error> {
    let unsigned = number.strip_prefix('+').unwrap_or(number);
    let int = unsigned.parse().map(Literal::Int);
    let literal = int.or_else(|_| unsigned.parse().map(Literal::Double));
    literal.map_err(|_| invalid(format_args!("unable to parse {number}")))
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

fn not_for(field: &Field, operator: &str) -> Error {
    let kind = kinds::name(field.kind);
    invalid(format_args!(
        "operator '{operator}' not supported for {kind} type search attribute {}",
        field.name
    ))
}

fn not_a_prefix(literal: &Literal) -> Error {
    invalid(format_args!("right-hand side of 'starts_with' must be a literal string (got: {literal})"))
}

fn unexpected(token: Option<&Token>) -> Error {
    match token {
        None => malformed("unexpected end"),
        Some(Token::Word(word) | Token::Name(word) | Token::Number(word)) => {
            malformed(&format!("unexpected '{word}'"))
        }
        Some(Token::Text(text)) => malformed(&format!("unexpected text '{text}'")),
        Some(Token::Symbol(symbol)) => malformed(&format!("unexpected '{symbol}'")),
    }
}
