//! Runs whose stored records cannot be used: what is still known of them, and how they are shown.

use std::fmt;

use host_wire::temporal::api::{
    common::v1::{SearchAttributes, WorkflowExecution},
    enums::v1::{IndexedValueType as Kind, WorkflowExecutionStatus as Status},
    workflow::v1::WorkflowExecutionInfo,
};

use crate::{execution::record::RunNumber, time::Time, visibility::value::encode};

/// Search attribute of damaged runs in lists; holds what is wrong with them.
const SEARCH_ATTRIBUTE: &str = "HostDamage";

/// A run that cannot be read. Every call about it is refused with DATA_LOSS, but it is listed, and can be terminated
/// and deleted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Damage {
    pub(crate) run: RunNumber,
    pub(crate) namespace: String,
    pub(crate) workflow_id: String,
    pub(crate) run_id: String,
    /// When it closed, as far as that is known.
    pub(crate) close_time: Option<Time>,
    /// What lists showed of it last, if that is undamaged.
    pub(crate) info: Option<Box<WorkflowExecutionInfo>>,
    /// What is wrong, as a fragment that fits behind "because".
    pub(crate) reason: String,
}

impl Damage {
    pub(crate) fn is_open(&self) -> bool {
        self.close_time.is_none()
    }

    /// The last status that is known. Unspecified where only the fact is known that the run is closed.
    pub(crate) fn status(&self) -> Status {
        match &self.info {
            Some(info) => info.status(),
            None if self.is_open() => Status::Running,
            None => Status::Unspecified,
        }
    }

    /// The run in a list: what was known of it last, with the search attribute `HostDamage`.
    pub(crate) fn info(&self) -> WorkflowExecutionInfo {
        let mut info = match &self.info {
            Some(info) => (**info).clone(),
            None => WorkflowExecutionInfo {
                execution: Some(WorkflowExecution {
                    workflow_id: self.workflow_id.clone(),
                    run_id: self.run_id.clone(),
                }),
                status: self.status().into(),
                close_time: self.close_time.map(Into::into),
                ..WorkflowExecutionInfo::default()
            },
        };
        let quoted: String =
            self.reason.chars().filter(|c| !matches!(c, '"' | '\\') && !c.is_control()).collect();
        let attributes = info.search_attributes.get_or_insert_with(SearchAttributes::default);
        attributes.indexed_fields.insert(SEARCH_ATTRIBUTE.to_owned(), encode(quoted, Kind::Keyword));
        info
    }

    /// The row of the run after it was terminated. Its records stay as they are.
    pub(crate) fn terminated(&self, now: Time) -> WorkflowExecutionInfo {
        let closed = Self { close_time: Some(now), ..self.clone() };
        let mut info = closed.info();
        if let Some(attributes) = &mut info.search_attributes {
            attributes.indexed_fields.remove(SEARCH_ATTRIBUTE);
        }
        WorkflowExecutionInfo { status: Status::Terminated.into(), close_time: Some(now.into()), ..info }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "run {} of workflow {} cannot be read, because {}; terminate or delete it, or restore the data folder \
             from a backup",
            self.run_id, self.workflow_id, self.reason
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_run_shows_what_is_known_of_it() {
        let damage = Damage {
            run: 7,
            namespace: "default".to_owned(),
            workflow_id: "w".to_owned(),
            run_id: "r".to_owned(),
            close_time: None,
            info: None,
            reason: "its \"records\"\nare\\bad".to_owned(),
        };
        let info = damage.info();
        assert_eq!(info.status(), Status::Running);
        let shown = &info.search_attributes.unwrap().indexed_fields[SEARCH_ATTRIBUTE];
        assert_eq!(shown.data, bytes::Bytes::from("\"its recordsarebad\""));
        let terminated = damage.terminated(Time(5));
        assert_eq!((terminated.status(), terminated.close_time), (Status::Terminated, Some(Time(5).into())));
        assert!(terminated.search_attributes.unwrap().indexed_fields.is_empty());
    }
}
