//! The run ends, and another one of the same workflow id starts.

use host_wire::temporal::api::{
    command::v1::{ContinueAsNewWorkflowExecutionCommandAttributes, command::Attributes},
    common::v1::{Memo, RetryPolicy, SearchAttributes},
    enums::v1::{CommandType, EventType},
    history::v1::WorkflowExecutionStartedEventAttributes,
};

use crate::operation::OneWay;

/// The command, until it is sent.
#[derive(Debug)]
pub(crate) struct ContinueAsNew(Option<Box<ContinueAsNewWorkflowExecutionCommandAttributes>>);

/// What the new run gets of this one, where the command leaves it out.
#[derive(Debug, Default)]
pub(crate) struct Inheritance {
    memo: Option<Memo>,
    retry_policy: Option<RetryPolicy>,
    /// With what the guest has upserted since the start.
    search_attributes: Option<SearchAttributes>,
    has_started: bool,
}

impl Inheritance {
    /// Of a run that has started so.
    pub(crate) fn of(started: &WorkflowExecutionStartedEventAttributes) -> Self {
        Self {
            memo: started.memo.clone(),
            retry_policy: started.retry_policy.clone(),
            search_attributes: started.search_attributes.clone(),
            has_started: true,
        }
    }

    /// Whether the run has started.
    pub(crate) fn has_started(&self) -> bool {
        self.has_started
    }

    /// The guest upserts search attributes.
    pub(crate) fn upsert(&mut self, search_attributes: &SearchAttributes) {
        if self.has_started {
            let current = self.search_attributes.get_or_insert_default();
            current.indexed_fields.extend(search_attributes.indexed_fields.clone());
        }
    }
}

impl ContinueAsNew {
    pub(crate) fn new(
        mut attributes: Box<ContinueAsNewWorkflowExecutionCommandAttributes>,
        inheritance: &Inheritance,
    ) -> Self {
        if attributes.memo.is_none() {
            attributes.memo.clone_from(&inheritance.memo);
        }
        if attributes.retry_policy.is_none() {
            attributes.retry_policy.clone_from(&inheritance.retry_policy);
        }
        if attributes.search_attributes.is_none() {
            attributes.search_attributes.clone_from(&inheritance.search_attributes);
        }
        Self(Some(attributes))
    }
}

impl OneWay for ContinueAsNew {
    const COMMAND: CommandType = CommandType::ContinueAsNewWorkflowExecution;
    const EVENT: EventType = EventType::WorkflowExecutionContinuedAsNew;
    const DESCRIPTION: &'static str = "a continuation of the workflow as new";

    fn take(&mut self) -> Option<Attributes> {
        self.0.take().map(Attributes::ContinueAsNewWorkflowExecutionCommandAttributes)
    }
}
