//! The run ends with a failure.

use host_wire::temporal::api::{
    command::v1::{FailWorkflowExecutionCommandAttributes, command::Attributes},
    enums::v1::{CommandType, EventType},
};

use crate::operation::OneWay;

/// The command, until it is sent.
#[derive(Debug)]
pub(crate) struct Fail(Option<Box<FailWorkflowExecutionCommandAttributes>>);

impl Fail {
    pub(crate) fn new(attributes: Box<FailWorkflowExecutionCommandAttributes>) -> Self {
        Self(Some(attributes))
    }
}

impl OneWay for Fail {
    const COMMAND: CommandType = CommandType::FailWorkflowExecution;
    const EVENT: EventType = EventType::WorkflowExecutionFailed;
    const DESCRIPTION: &'static str = "a failure of the workflow";

    fn take(&mut self) -> Option<Attributes> {
        self.0.take().map(Attributes::FailWorkflowExecutionCommandAttributes)
    }
}
