//! Who executed a history so far: what a worker has to know before it can choose a module.

use bytes::Bytes;

use crate::{
    error::Error,
    event::Event,
    workflow_tasks::{self, CompletedBy},
};

/// What the end of a history says about who executes the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutedBy {
    /// Whether a workflow task was completed at all.
    pub has_completed_task: bool,
    /// The build id that the last completed task names, if it names one. Whether its format is the
    /// host's own is the caller's to see.
    pub build_id: Option<String>,
    /// Whether the run was reset after that task.
    pub was_reset: bool,
}

impl ExecutedBy {
    /// Reads encoded `HistoryEvent` messages from the last one back to the last completed task. Of an
    /// incomplete history it says what that part says.
    ///
    /// # Errors
    ///
    /// When something there is not an event.
    pub fn read(events: &[Bytes]) -> Result<Self, Error> {
        let mut executed_by = Self::default();
        for (index, encoded) in events.iter().enumerate().rev() {
            let event = Event::new(encoded.clone(), i64::try_from(index).unwrap_or_default())?;
            if let Some(by) = CompletedBy::of(&event)? {
                executed_by.has_completed_task = true;
                executed_by.build_id = by
                    .version(None)
                    .map(|version| version.build_id.clone())
                    .filter(|build_id| !build_id.is_empty());
                break;
            }
            executed_by.was_reset |= workflow_tasks::reset_run_id(&event)?.is_some();
        }
        Ok(executed_by)
    }
}
