//! The run ends as cancelled.

use host_wire::temporal::api::{
    command::v1::{CancelWorkflowExecutionCommandAttributes, command::Attributes},
    enums::v1::{CommandType, EventType},
};

use crate::operation::OneWay;

/// The command, until it is sent.
#[derive(Debug)]
pub(crate) struct Cancel(Option<Box<CancelWorkflowExecutionCommandAttributes>>);

impl Cancel {
    pub(crate) fn new(attributes: Box<CancelWorkflowExecutionCommandAttributes>) -> Self {
        Self(Some(attributes))
    }
}

impl OneWay for Cancel {
    const COMMAND: CommandType = CommandType::CancelWorkflowExecution;
    const EVENT: EventType = EventType::WorkflowExecutionCanceled;
    const DESCRIPTION: &'static str = "a cancellation of the workflow";

    fn take(&mut self) -> Option<Attributes> {
        self.0.take().map(Attributes::CancelWorkflowExecutionCommandAttributes)
    }
}
