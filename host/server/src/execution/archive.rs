//! Runs that are not in memory: closed ones, and those that only wait.
//!
//! The state asks for them by this trait and never learns where they are. A run that it asked for
//! is in memory from then on, until somebody evicts it.

use std::{fmt, time::Duration};

use host_wire::temporal::api::workflow::v1::WorkflowExecutionInfo;

use crate::{
    execution::{
        describe,
        fact::Fact,
        record::{Record, RunNumber},
        run::Run,
    },
    time::Time,
};

/// A run that waits for less than this stays in memory.
const SHORT_WAIT: Duration = Duration::from_secs(10);

/// Where runs are that are not in memory.
pub(crate) trait Archive: fmt::Debug + Send {
    /// The latest run of a workflow id among those that were ever out of memory.
    fn latest(&self, namespace: &str, workflow_id: &str) -> Option<RunNumber>;

    /// The run with this id among those that were ever out of memory.
    fn with_run_id(&self, run_id: &str) -> Option<RunNumber>;

    /// Everything about a run.
    fn load(&self, number: RunNumber) -> Option<Run>;
}

/// What is known of a run that is not in memory, without reading all of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Archived {
    pub(crate) run: RunNumber,
    pub(crate) info: Box<WorkflowExecutionInfo>,
    pub(crate) close_time: Option<Time>,
    /// When time does something to it.
    pub(crate) deadline: Option<Time>,
}

impl Run {
    /// Puts a run together from what happened to it.
    pub(crate) fn from_records(records: impl IntoIterator<Item = Record>) -> Option<Self> {
        let mut records = records.into_iter();
        let first = records.next()?;
        let mut run = Self::new(first.identity?);
        run.absorb_record(&first.facts);
        for record in records {
            run.absorb_record(&record.facts);
        }
        Some(run)
    }

    fn absorb_record(&mut self, facts: &[Fact]) {
        self.transitions += i64::from(!facts.is_empty());
        for fact in facts {
            self.apply(fact);
        }
    }

    /// Whether nothing happens to the run for a while unless somebody asks for it.
    pub(crate) fn may_leave(&self, now: Time) -> bool {
        let waits = || {
            let soon = self.next_deadline().is_some_and(|(time, _)| time < now.after(SHORT_WAIT));
            self.task.is_none() && self.activities.is_empty() && self.buffered.is_empty() && !soon
        };
        !self.is_open() || waits()
    }

    /// What is to be known of the run while it is not in memory.
    pub(crate) fn archived(&self, run: RunNumber) -> Archived {
        Archived {
            run,
            info: Box::new(describe::info(self)),
            close_time: self.close_time,
            deadline: self.next_deadline().map(|(time, _)| time),
        }
    }
}
