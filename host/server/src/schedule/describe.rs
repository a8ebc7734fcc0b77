//! What clients see of a schedule.

use bytes::Bytes;
use host_wire::temporal::api::{
    common::v1::{Memo, SearchAttributes},
    schedule::v1::{ScheduleInfo, ScheduleListEntry, ScheduleListInfo},
    workflowservice::v1::DescribeScheduleResponse,
};

use crate::{
    limits,
    schedule::{canonical::explicit, state::Schedule},
};

/// The whole of a schedule.
pub(crate) fn describe(schedule: &Schedule) -> DescribeScheduleResponse {
    let mut message = schedule.message();
    explicit(message.spec.get_or_insert_default());
    DescribeScheduleResponse {
        schedule: Some(message),
        info: Some(ScheduleInfo {
            future_action_times: schedule.future_action_times(limits::SCHEDULE_RECENT_ACTIONS),
            buffer_size: i64::try_from(schedule.progress.buffered.len()).unwrap_or(i64::MAX),
            ..schedule.info().clone()
        }),
        memo: memo(schedule),
        search_attributes: search_attributes(schedule),
        conflict_token: token(schedule),
    }
}

/// An entry of a list.
pub(crate) fn entry(schedule: &Schedule) -> ScheduleListEntry {
    let mut spec = schedule.definition.spec.clone().unwrap_or_default();
    spec.timezone_data = Bytes::new();
    spec.exclude_structured_calendar.truncate(limits::SCHEDULE_LISTED_SPECS);
    spec.structured_calendar.truncate(limits::SCHEDULE_LISTED_SPECS);
    spec.interval.truncate(limits::SCHEDULE_LISTED_SPECS);
    explicit(&mut spec);
    let actions = &schedule.info().recent_actions;
    let last = actions.len().saturating_sub(limits::SCHEDULE_LISTED_ACTIONS);
    ScheduleListEntry {
        schedule_id: schedule.identity.schedule_id.clone(),
        memo: memo(schedule),
        search_attributes: search_attributes(schedule),
        info: Some(ScheduleListInfo {
            spec: Some(spec),
            workflow_type: schedule.workflow().and_then(|workflow| workflow.workflow_type.clone()),
            notes: schedule.state().notes.clone(),
            paused: schedule.state().paused,
            recent_actions: actions[last..].to_vec(),
            future_action_times: schedule.future_action_times(limits::SCHEDULE_LISTED_ACTIONS),
            ..ScheduleListInfo::default()
        }),
    }
}

/// The token that an update has to bring, if it brings one.
pub(crate) fn token(schedule: &Schedule) -> Bytes {
    Bytes::copy_from_slice(&schedule.progress.conflict_token.to_be_bytes())
}

fn memo(schedule: &Schedule) -> Option<Memo> {
    schedule.definition.memo.clone().filter(|memo| !memo.fields.is_empty())
}

fn search_attributes(schedule: &Schedule) -> Option<SearchAttributes> {
    schedule.definition.search_attributes.clone().filter(|all| !all.indexed_fields.is_empty())
}
