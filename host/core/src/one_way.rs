//! Commands that history answers with one event and nothing more: the ends of a run, search
//! attributes, the memo.

use host_wire::temporal::api::{
    command::v1::{
        ModifyWorkflowPropertiesCommandAttributes, UpsertWorkflowSearchAttributesCommandAttributes,
        command::Attributes,
    },
    common::v1::{Memo, SearchAttributes},
    enums::v1::{CommandType, EventType},
    sdk::v1::UserMetadata,
};

use crate::{
    error::Error,
    event::{Event, tag},
    operations::{Progress, unexpected},
};

/// A command that awaits its event.
#[derive(Debug)]
pub(crate) struct OneWay {
    command: CommandType,
    /// Until it is sent.
    attributes: Option<Attributes>,
}

impl OneWay {
    /// A command that ends the run.
    pub(crate) fn end(command: CommandType, attributes: Attributes) -> Self {
        Self { command, attributes: Some(attributes) }
    }

    pub(crate) fn upsert_search_attributes(search_attributes: SearchAttributes) -> Self {
        let upsert =
            UpsertWorkflowSearchAttributesCommandAttributes { search_attributes: Some(search_attributes) };
        Self {
            command: CommandType::UpsertWorkflowSearchAttributes,
            attributes: Some(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(Box::new(upsert))),
        }
    }

    pub(crate) fn upsert_memo(memo: Memo) -> Self {
        let modify = ModifyWorkflowPropertiesCommandAttributes { upserted_memo: Some(memo) };
        Self {
            command: CommandType::ModifyWorkflowProperties,
            attributes: Some(Attributes::ModifyWorkflowPropertiesCommandAttributes(Box::new(modify))),
        }
    }

    pub(crate) fn command(&self) -> CommandType {
        self.command
    }

    pub(crate) fn describe(&self) -> String {
        match self.command {
            CommandType::CompleteWorkflowExecution => "its completion",
            CommandType::FailWorkflowExecution => "its failure",
            CommandType::CancelWorkflowExecution => "its cancellation",
            CommandType::ContinueAsNewWorkflowExecution => "its continuation as new",
            CommandType::UpsertWorkflowSearchAttributes => "an upsert of search attributes",
            _ => "a change of the memo",
        }
        .to_owned()
    }

    pub(crate) fn take_command(&mut self) -> Option<(Attributes, Option<UserMetadata>)> {
        Some((self.attributes.take()?, None))
    }

    pub(crate) fn on_event(&self, event: &Event) -> Result<Progress, Error> {
        let answers = match self.command {
            CommandType::CompleteWorkflowExecution => event.kind() == EventType::WorkflowExecutionCompleted,
            CommandType::FailWorkflowExecution => event.kind() == EventType::WorkflowExecutionFailed,
            CommandType::CancelWorkflowExecution => event.kind() == EventType::WorkflowExecutionCanceled,
            CommandType::ContinueAsNewWorkflowExecution => {
                event.kind() == EventType::WorkflowExecutionContinuedAsNew
            }
            CommandType::UpsertWorkflowSearchAttributes => event.has(tag::UPSERT_SEARCH_ATTRIBUTES),
            _ => event.kind() == EventType::WorkflowPropertiesModified,
        };
        if answers { Ok(Progress::Closed) } else { Err(unexpected(event, &self.describe())) }
    }
}
