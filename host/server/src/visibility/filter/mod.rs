//! Filters of list and count requests: `WorkflowType = 'order' AND ExecutionStatus IN ('Running')`.
//!
//! A filter is parsed once and then asked about each run. Its grammar and its errors are those of Temporal's server on
//! SQL (`common/persistence/visibility/store/sql`): fields are search attributes, operators are
//! `= != <> > >= < <= IN STARTS_WITH BETWEEN IS NULL`, joined by `AND OR NOT` and parentheses. Like there, a comparison
//! with an attribute that is not set is neither true nor false.

mod cursor;
mod evaluation;
mod field;
mod lexer;
mod listed;
mod operator;
mod parser;
mod refusal;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    cursor::Cursor,
    field::{SCHEDULE_WORKFLOW_ID, status_name},
    lexer::Token,
    listed::Listed,
    operator::Operator,
};
use self::{evaluation::Condition, parser::Parsed, refusal::malformed};
use crate::{error::Error, visibility::registry::Custom};

/// Longest filter.
const MAX_BYTES: usize = 8 * 1024;

/// Which runs a list is about.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Filter {
    condition: Option<Condition>,
    /// Whether runs in a division of the namespace are listed too: the filter says which.
    of_divisions: bool,
    /// Whether the answer is counted by status.
    pub(crate) grouped_by_status: bool,
}

impl Filter {
    /// Parses a filter over the search attributes of every namespace and these.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub(crate) fn parse(query: &str, custom: &Custom) -> Result<Self, Error> {
        if query.len() > MAX_BYTES {
            return Err(malformed("too long"));
        }
        let Parsed { condition, names_division, grouped_by_status } = parser::parse(query, custom)?;
        Ok(Self { condition, of_divisions: names_division, grouped_by_status })
    }

    pub(crate) fn matches(&self, run: &Listed<'_>) -> bool {
        (self.of_divisions || !run.is_in_division())
            && self.condition.as_ref().is_none_or(|condition| condition.holds(run) == Some(true))
    }
}
