//! What the messages of a completion about updates will do.

use std::collections::{HashMap, VecDeque};

use host_wire::temporal::api::{
    failure::v1::Failure,
    protocol::v1::Message,
    update::v1::{Request, Response},
};

/// What a checked message does.
#[derive(Debug)]
pub(crate) enum Step {
    Accept {
        update_id: String,
        after_event_id: i64,
        /// The update as the worker knows it, where the service has forgotten it.
        request: Option<Box<Request>>,
    },
    Complete(Box<Response>),
    Reject {
        update_id: String,
        failure: Box<Failure>,
    },
    /// It came after the command that closes the run, and changes nothing.
    Nothing,
}

/// The updates of a run as the messages checked so far leave them.
#[derive(Debug, Default)]
pub(crate) struct UpdatePlan {
    /// Messages that no command named yet, in the order of the request.
    pub(super) messages: Vec<Message>,
    pub(super) states: HashMap<String, Planned>,
    /// Updates that came into being by these messages.
    pub(super) revived: usize,
    pub(super) steps: Steps,
}

/// What the messages of a completion do.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    /// One for each `ProtocolMessage` command.
    pub(crate) of_commands: VecDeque<Step>,
    /// After all commands.
    pub(crate) remaining: Vec<Step>,
}

/// Where an update stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planned {
    Pending,
    Accepted,
    Completed,
}

impl UpdatePlan {
    pub(crate) fn new(messages: Vec<Message>) -> Self {
        Self { messages, ..Self::default() }
    }
}
