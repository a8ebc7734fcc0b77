//! Evaluates a filter on one run.

use std::cmp::Ordering;

use crate::visibility::{
    filter::{field::Field, listed::Listed, operator::Operator},
    value::{Value, words},
};

#[derive(Debug, PartialEq)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Field, Operator, Value),
    In(Field, Vec<Value>),
    StartsWith(Field, String),
    IsNull(Field),
    /// Whether one of these keywords is in a list.
    HasKeyword(Field, Vec<Value>),
    /// Whether one of these phrases is in a text.
    HasPhrase(Field, Vec<Vec<String>>),
}

impl Condition {
    /// Whether the condition holds; nothing where that is not known, because the run has no such attribute.
    pub(super) fn holds(&self, run: &Listed<'_>) -> Option<bool> {
        match self {
            Self::All(all) => all_of(all.iter().map(|one| one.holds(run))),
            Self::Any(any) => {
                all_of(any.iter().map(|one| one.holds(run).map(|holds| !holds))).map(|none| !none)
            }
            Self::Not(not) => not.holds(run).map(|holds| !holds),
            Self::Compare(field, operator, value) => field.of(run).map(|own| holds(*operator, &own, value)),
            Self::In(field, values) => {
                field.of(run).map(|own| values.iter().any(|value| holds(Operator::Equal, &own, value)))
            }
            Self::StartsWith(field, prefix) => {
                field.of(run).map(|own| matches!(own, Value::Text(text) if text.starts_with(prefix)))
            }
            Self::IsNull(field) => Some(!field.is_set(run)),
            Self::HasKeyword(field, values) => Some(match field.of(run) {
                Some(Value::Keywords(own)) => own
                    .iter()
                    .any(|own| values.iter().any(|it| matches!(it, Value::Text(text) if text == own))),
                _ => false,
            }),
            Self::HasPhrase(field, phrases) => Some(match field.of(run) {
                Some(Value::Text(text)) => {
                    let own = words(&text);
                    phrases.iter().any(|phrase| own.windows(phrase.len()).any(|part| part == phrase))
                }
                _ => false,
            }),
        }
    }
}

/// Whether all hold: not if one does not, and not known if that is not known of one.
fn all_of(conditions: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for holds in conditions {
        match holds {
            Some(false) => return Some(false),
            Some(true) => {}
            None => all = None,
        }
    }
    all
}

/// Whether a comparison is true. Values that have no order are different.
fn holds(operator: Operator, left: &Value, right: &Value) -> bool {
    order(left, right).map_or(operator == Operator::NotEqual, |ordering| operator.accepts(ordering))
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    #[expect(clippy::cast_precision_loss, reason = "compared with a floating-point number")]
    let double = |number: i64| number as f64;
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Double(right)) => double(*left).partial_cmp(right),
        (Value::Double(left), Value::Int(right)) => left.partial_cmp(&double(*right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Time(left), Value::Time(right)) => Some(left.cmp(right)),
        _ => None,
    }
}
