//! Requests that replace what a schedule is.

use std::sync::Arc;

use host_wire::temporal::api::{
    common::v1::{Memo, SearchAttributes},
    schedule::v1::Schedule as Message,
};

use crate::{
    schedule::{
        record::Definition,
        spec::Spec,
        state::{Schedule, filled},
        step::Change,
    },
    time::Time,
};

/// A schedule that takes the place of another of the same id.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub(crate) spec: Arc<Spec>,
    pub(crate) schedule: Message,
    /// Replaces all fields, if it is there.
    pub(crate) memo: Option<Memo>,
    /// Replaces all, if they are there.
    pub(crate) search_attributes: Option<SearchAttributes>,
}

impl Change for Update {
    fn change(self, schedule: &mut Schedule, now: Time) {
        let before = std::mem::take(&mut schedule.definition);
        schedule.definition = definition(
            &self.spec,
            &self.schedule,
            self.memo.or(before.memo),
            self.search_attributes.or(before.search_attributes),
        );
        schedule.progress.state = Some(self.schedule.state.unwrap_or_default());
        schedule.spec = Ok(self.spec);
        schedule.info_mut().update_time = Some(now.into());
        schedule.raise_token();
        schedule.take_passed_times(now);
    }
}

/// What is kept of a schedule that a client sent, beside its state.
pub(crate) fn definition(
    spec: &Spec,
    schedule: &Message,
    memo: Option<Memo>,
    search_attributes: Option<SearchAttributes>,
) -> Definition {
    Definition {
        spec: Some(spec.canonical().clone()),
        action: Some(schedule.action.clone().unwrap_or_default()),
        policies: Some(filled(schedule.policies)),
        memo,
        search_attributes,
    }
}
