//! Fields of the run's memo are added or replaced.

use host_wire::temporal::api::{
    command::v1::{ModifyWorkflowPropertiesCommandAttributes, command::Attributes},
    common::v1::Memo,
    enums::v1::{CommandType, EventType},
};

use crate::operation::OneWay;

/// The command, until it is sent.
#[derive(Debug)]
pub(crate) struct UpsertMemo(Option<Memo>);

impl UpsertMemo {
    pub(crate) fn new(memo: Memo) -> Self {
        Self(Some(memo))
    }
}

impl OneWay for UpsertMemo {
    const COMMAND: CommandType = CommandType::ModifyWorkflowProperties;
    const EVENT: EventType = EventType::WorkflowPropertiesModified;
    const DESCRIPTION: &'static str = "a change of the memo";

    fn take(&mut self) -> Option<Attributes> {
        let modify = ModifyWorkflowPropertiesCommandAttributes { upserted_memo: Some(self.0.take()?) };
        Some(Attributes::ModifyWorkflowPropertiesCommandAttributes(Box::new(modify)))
    }
}
