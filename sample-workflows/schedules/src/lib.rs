//! Schedules: the service starts the workflow again and again. A schedule belongs to the service, not to the code; it is
//! made by a client:
//!
//! ```sh
//! host schedule create --schedule-id sales --interval 1h --type SalesReport --task-queue reports --input '"tea"'
//! ```
//!
//! Each run knows the time that it was scheduled for, and the result of the last run that completed.

use guest_sdk::{SearchAttributeKey, WorkflowContext, WorkflowResult, workflow, workflow_methods};
use serde::{Deserialize, Serialize};

/// The service sets it on runs that a schedule starts: RFC 3339, in UTC.
const SCHEDULED_FOR: SearchAttributeKey<String> = SearchAttributeKey::datetime("TemporalScheduledStartTime");

/// A report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The article.
    pub article: String,
    /// Its number, from 1 in every schedule.
    pub number: u32,
    /// The time that the run was scheduled for, even if it started later; none without a schedule.
    pub scheduled_for: Option<String>,
}

/// Reports on the sales of an article.
#[workflow]
#[derive(Debug, Default)]
pub struct SalesReport;

#[workflow_methods]
impl SalesReport {
    /// Returns the report, which goes on from the one before.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, article: String) -> WorkflowResult<Report> {
        let last = ctx.last_completion_result::<(Report,)>()?;
        Ok(Report {
            article,
            number: last.map_or(1, |(report,)| report.number + 1),
            scheduled_for: ctx.search_attributes().get(&SCHEDULED_FOR),
        })
    }
}

guest_sdk::export!(SalesReport);
