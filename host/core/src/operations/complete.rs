//! The run ends with a result.

use host_wire::temporal::api::{
    command::v1::{CompleteWorkflowExecutionCommandAttributes, command::Attributes},
    enums::v1::{CommandType, EventType},
};

use crate::operation::OneWay;

/// The command, until it is sent.
#[derive(Debug)]
pub(crate) struct Complete(Option<Box<CompleteWorkflowExecutionCommandAttributes>>);

impl Complete {
    pub(crate) fn new(attributes: Box<CompleteWorkflowExecutionCommandAttributes>) -> Self {
        Self(Some(attributes))
    }
}

impl OneWay for Complete {
    const COMMAND: CommandType = CommandType::CompleteWorkflowExecution;
    const EVENT: EventType = EventType::WorkflowExecutionCompleted;
    const DESCRIPTION: &'static str = "a completion of the workflow";

    fn take(&mut self) -> Option<Attributes> {
        self.0.take().map(Attributes::CompleteWorkflowExecutionCommandAttributes)
    }
}
