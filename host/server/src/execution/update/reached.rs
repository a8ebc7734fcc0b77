//! The stage that an update has reached, as its callers are told.

use host_wire::{
    EventAttributes,
    temporal::api::{
        enums::v1::UpdateWorkflowExecutionLifecycleStage as Stage,
        update::v1::{Outcome, outcome},
    },
};

use crate::execution::{
    run::Run,
    update::{end::accepted_by_closed_run, state::RecordedUpdate},
};

/// The stage of an update, and its outcome once it has one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reached {
    pub(crate) stage: Stage,
    pub(crate) outcome: Option<Outcome>,
}

impl Reached {
    pub(crate) fn completed(value: outcome::Value) -> Self {
        Self { stage: Stage::Completed, outcome: Some(Outcome { value: Some(value) }) }
    }
}

/// What the run knows of an update; nothing if it never heard of it, rejected it or lost it in a restart.
pub(crate) fn of(run: &Run, update_id: &str) -> Option<Reached> {
    let at = |stage| Some(Reached { stage, outcome: None });
    match run.updates().recorded(update_id) {
        Some(RecordedUpdate::Completed { event_id }) => {
            let attributes = run.history().event(event_id)?.attributes?;
            let EventAttributes::WorkflowExecutionUpdateCompletedEventAttributes(completed) = attributes
            else {
                return None;
            };
            Some(Reached { stage: Stage::Completed, outcome: completed.outcome })
        }
        Some(RecordedUpdate::Rejected) => {
            let failure = run.updates().rejection(update_id)?.clone();
            Some(Reached::completed(outcome::Value::Failure(failure)))
        }
        Some(RecordedUpdate::Admitted { .. }) if run.is_open() => at(Stage::Admitted),
        Some(RecordedUpdate::Admitted { .. }) => None,
        Some(RecordedUpdate::Accepted { .. }) if run.is_open() => at(Stage::Accepted),
        Some(RecordedUpdate::Accepted { .. }) => {
            Some(Reached::completed(outcome::Value::Failure(accepted_by_closed_run())))
        }
        None => run.updates().pending_with(update_id).and_then(|_| at(Stage::Admitted)),
    }
}
