//! The operations that are not closed: found by id when the guest cancels one, by event when history goes on
//! with one, and in the order of their commands when history records these.

use std::collections::{BTreeMap, VecDeque};

use host_wire::temporal::api::{command::v1 as wire_command, enums::v1::CommandType};

use crate::{
    error::{CommandOrigin, Error},
    history::{Event, Role},
    job::Job,
    operation::{Cancelled, Context, Counter, Operation, OperationId, Progress},
    operations::{AnyOperation, local_activity::LocalActivity, patch::Patch, update::Update},
};

/// A command that is not in history yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingCommand {
    pub(super) operation: OperationId,
    command: CommandType,
    is_sent: bool,
    /// `None` if core sends it on its own.
    pub(super) origin: Option<CommandOrigin>,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct OpenOperations {
    by_id: BTreeMap<OperationId, AnyOperation>,
    /// By the event that began it.
    by_event: BTreeMap<i64, OperationId>,
    commands: VecDeque<PendingCommand>,
    /// What the guest asks for just now.
    origin: Option<CommandOrigin>,
    /// The origin of the last command that history has.
    last_recorded: Option<CommandOrigin>,
    /// The last number of each [`Counter`].
    last: [u32; Counter::COUNT],
}

impl OpenOperations {
    /// The commands from here on come of what the guest asks for there.
    pub(super) fn set_origin(&mut self, origin: Option<CommandOrigin>) {
        self.origin = origin;
    }

    /// The origin of the last command that history has.
    pub(super) fn last_recorded(&self) -> Option<CommandOrigin> {
        self.last_recorded
    }

    /// Begins an operation that the guest numbered.
    ///
    /// # Errors
    ///
    /// When the number is not a new one.
    pub(super) fn begin<O>(&mut self, counter: Counter, seq: u32, operation: O) -> Result<(), Error>
    where
        O: Operation + Into<AnyOperation>,
    {
        let last = &mut self.last[counter as usize];
        if seq <= *last {
            let what = counter.name();
            return Err(Error::guest(format!("{what} {seq} is begun, when {last} was the last")));
        }
        *last = seq;
        self.insert(OperationId { counter, number: seq }, operation);
        Ok(())
    }

    /// Begins an operation that the guest does not number.
    pub(super) fn begin_own<O>(&mut self, operation: O) -> OperationId
    where
        O: Operation + Into<AnyOperation>,
    {
        let counter = Counter::Core;
        self.last[counter as usize] += 1;
        let id = OperationId { counter, number: self.last[counter as usize] };
        self.insert(id, operation);
        id
    }

    fn insert<O>(&mut self, id: OperationId, operation: O)
    where
        O: Operation + Into<AnyOperation>,
    {
        self.by_id.insert(id, operation.into());
        if let Some(command) = O::BEGINS_WITH {
            self.push_command(id, command);
        }
    }

    /// The guest cancels an operation. A closed one is left alone.
    ///
    /// # Errors
    ///
    /// When no operation was begun with that number.
    pub(super) fn cancel(
        &mut self,
        id: OperationId,
        reason: String,
        jobs: &mut Vec<Job>,
    ) -> Result<Cancelled, Error> {
        let OperationId { counter, number } = id;
        if number == 0 || number > self.last[counter as usize] {
            let what = counter.name();
            return Err(Error::guest(format!("{what} {number} is cancelled, which was never begun")));
        }
        Ok(self.by_id.get_mut(&id).map_or(Cancelled::Nothing, |operation| operation.cancel(reason, jobs)))
    }

    /// An operation has another command.
    pub(super) fn push_command(&mut self, operation: OperationId, command: CommandType) {
        let origin = self.origin;
        self.commands.push_back(PendingCommand { operation, command, is_sent: false, origin });
    }

    /// The first command that is not in history yet.
    pub(super) fn first_command(&self) -> Option<PendingCommand> {
        self.commands.front().copied()
    }

    /// The first command is in history.
    pub(super) fn pop_command(&mut self) {
        if let Some(recorded) = self.commands.pop_front() {
            self.last_recorded = recorded.origin.or(self.last_recorded);
        }
    }

    /// Removes the first command and its operation.
    pub(super) fn drop_first_command(&mut self) {
        if let Some(pending) = self.commands.pop_front() {
            self.remove(pending.operation);
        }
    }

    /// Removes what was cancelled before it was sent.
    pub(super) fn drop_unsent(&mut self) {
        let Self { by_id, commands, .. } = self;
        commands.retain(|pending| {
            let is_unsent = by_id.get(&pending.operation).is_some_and(AnyOperation::was_never_sent);
            if is_unsent {
                by_id.remove(&pending.operation);
            }
            !is_unsent
        });
    }

    /// The commands that were not sent yet, in order.
    pub(super) fn take_commands(&mut self) -> Vec<wire_command::Command> {
        let mut commands = Vec::new();
        for pending in self.commands.iter_mut().filter(|pending| !pending.is_sent) {
            pending.is_sent = true;
            let operation = self.by_id.get_mut(&pending.operation);
            if let Some(new) = operation.and_then(|operation| operation.command(pending.command)) {
                commands.push(wire_command::Command {
                    command_type: pending.command.into(),
                    user_metadata: new.user_metadata,
                    attributes: Some(new.attributes),
                    ..wire_command::Command::default()
                });
            }
        }
        commands
    }

    /// A command in words.
    pub(super) fn describe(&self, pending: PendingCommand) -> String {
        self.by_id.get(&pending.operation).map_or_else(
            || pending.command.as_str_name().to_owned(),
            |operation| operation.describe(pending.command),
        )
    }

    /// The operation that an event began.
    pub(super) fn begun_by(&self, event_id: i64) -> Option<OperationId> {
        self.by_event.get(&event_id).copied()
    }

    /// Gives an event to its operation.
    ///
    /// # Errors
    ///
    /// When the operation is closed, or the event does not fit it.
    pub(super) fn on_event(
        &mut self,
        id: OperationId,
        event: &Event,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let Some(operation) = self.by_id.get_mut(&id) else {
            return Err(event.broken("what it is about is over"));
        };
        match operation.on_event(event, context)? {
            Progress::Open => {
                if event.role() == Role::Beginning {
                    self.by_event.insert(event.id(), id);
                }
            }
            Progress::Closed => {
                self.remove(id);
            }
        }
        Ok(())
    }

    /// The local activity with this sequence number.
    pub(super) fn local_activity(&mut self, seq: u32) -> Option<&mut LocalActivity> {
        match self.by_id.get_mut(&OperationId { counter: Counter::Activity, number: seq }) {
            Some(AnyOperation::LocalActivity(activity)) => Some(activity),
            _ => None,
        }
    }

    /// The update of this id.
    pub(super) fn update(&mut self, id: OperationId) -> Option<&mut Update> {
        match self.by_id.get_mut(&id) {
            Some(AnyOperation::Update(update)) => Some(update),
            _ => None,
        }
    }

    /// Removes the update of this id, which has no event.
    pub(super) fn take_update(&mut self, id: OperationId) -> Option<Update> {
        match self.remove(id) {
            Some(AnyOperation::Update(update)) => Some(update),
            _ => None,
        }
    }

    /// The patch marker of this id, if that is what it names.
    pub(super) fn patch(&self, id: OperationId) -> Option<&Patch> {
        match self.by_id.get(&id) {
            Some(AnyOperation::Patch(patch)) => Some(patch),
            _ => None,
        }
    }

    fn remove(&mut self, id: OperationId) -> Option<AnyOperation> {
        let operation = self.by_id.remove(&id)?;
        if let Some(event_id) = operation.event_id() {
            self.by_event.remove(&event_id);
        }
        Some(operation)
    }
}
