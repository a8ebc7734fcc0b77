//! Filters of list and count requests: `WorkflowType = 'order' AND ExecutionStatus IN ('Running')`.
//!
//! A filter is parsed once and then asked about each run. Fields are those of [`evaluation::Field`]; operators
//! are `= != > >= < <= IN STARTS_WITH BETWEEN IS NULL`, joined by `AND OR NOT` and parentheses.

mod evaluation;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

pub(crate) use self::evaluation::{Listed, status_name};
use self::{evaluation::Condition, parser::Parsed};
use crate::error::Error;

/// Longest filter.
const MAX_BYTES: usize = 8 * 1024;

/// Which runs a list is about.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Filter {
    condition: Option<Condition>,
    /// Whether the answer is counted by status.
    pub(crate) grouped_by_status: bool,
}

impl Filter {
    pub(crate) fn parse(query: &str) -> Result<Self, Error> {
        if query.len() > MAX_BYTES {
            return Err(Error::invalid("invalid query: too long"));
        }
        let Parsed { condition, grouped_by_status } = parser::parse(query)?;
        Ok(Self { condition, grouped_by_status })
    }

    pub(crate) fn matches(&self, run: &Listed<'_>) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.matches(run))
    }
}
