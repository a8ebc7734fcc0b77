//! Everything a run has asked for that is not over: found by sequence number when the guest cancels
//! it, by event when history goes on with it, and in the order of commands when history records them.
//! Dispatch only.

use std::collections::{BTreeMap, VecDeque};

use host_wire::temporal::api::{
    command::v1::{self as wire_command, command::Attributes},
    enums::v1::CommandType,
    sdk::v1::UserMetadata,
};

use crate::{
    activities::Activity,
    child_workflows::ChildWorkflow,
    error::Error,
    event::Event,
    external_workflows::{ExternalCancel, ExternalSignal},
    job::Job,
    local_activity::LocalActivityMachine,
    nexus::NexusOperation,
    one_way::OneWay,
    patches::PatchMarker,
    timers::Timer,
    updates::UpdateMachine,
};

/// Names an operation: its kind, and its sequence number or, for those that the guest does not name,
/// a count of core's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperationId {
    Activity(u32),
    LocalActivity(u32),
    Timer(u32),
    ChildWorkflow(u32),
    ExternalSignal(u32),
    ExternalCancel(u32),
    ChildCancel(u32),
    Nexus(u32),
    OneWay(u32),
    Patch(u32),
    Update(u32),
}

/// What an event leaves of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It goes on.
    Open,
    /// It is over; nothing will come for it.
    Closed,
}

/// What cancelling an operation leads to, beside jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// Nothing more, or that its command is not sent.
    Nothing,
    /// This command.
    Command(CommandType),
}

/// What an operation may touch while it handles something.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) jobs: &'a mut Vec<Job>,
    pub(crate) checks_id_and_type: bool,
}

/// The error for an event that does not fit the operation it is for: the workflow did something else,
/// if the event came of a command; else history contradicts itself.
pub(crate) fn unexpected(event: &Event, operation: &str) -> Error {
    if event.is_command() {
        Error::nondeterminism(event.id(), event.to_string(), operation)
    } else {
        event.broken(format_args!("{operation} is not in a state for it"))
    }
}

/// A command that is not in history yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingCommand {
    pub(crate) operation: OperationId,
    pub(crate) command: CommandType,
    is_sent: bool,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    pub(crate) activities: BTreeMap<u32, Activity>,
    pub(crate) local_activities: BTreeMap<u32, LocalActivityMachine>,
    pub(crate) timers: BTreeMap<u32, Timer>,
    pub(crate) child_workflows: BTreeMap<u32, ChildWorkflow>,
    pub(crate) external_signals: BTreeMap<u32, ExternalSignal>,
    pub(crate) external_cancels: BTreeMap<u32, ExternalCancel>,
    pub(crate) child_cancels: BTreeMap<u32, ExternalCancel>,
    pub(crate) nexus: BTreeMap<u32, NexusOperation>,
    pub(crate) one_way: BTreeMap<u32, OneWay>,
    pub(crate) patches: BTreeMap<u32, PatchMarker>,
    pub(crate) updates: BTreeMap<u32, UpdateMachine>,
    /// By the event that began it.
    by_event: BTreeMap<i64, OperationId>,
    commands: VecDeque<PendingCommand>,
    /// The last number that core gave out itself.
    last_own: u32,
}

impl Operations {
    /// A number for an operation that the guest does not name.
    pub(crate) fn own_number(&mut self) -> u32 {
        self.last_own += 1;
        self.last_own
    }

    pub(crate) fn push_command(&mut self, operation: OperationId, command: CommandType) {
        self.commands.push_back(PendingCommand { operation, command, is_sent: false });
    }

    pub(crate) fn push_one_way(&mut self, one_way: OneWay) {
        let number = self.own_number();
        self.push_command(OperationId::OneWay(number), one_way.command());
        self.one_way.insert(number, one_way);
    }

    /// The first command that is not in history yet.
    pub(crate) fn first_command(&self) -> Option<PendingCommand> {
        self.commands.front().copied()
    }

    pub(crate) fn pop_command(&mut self) -> Option<PendingCommand> {
        self.commands.pop_front()
    }

    /// Forgets the first command, and what it is of.
    pub(crate) fn drop_first_command(&mut self) {
        if let Some(pending) = self.commands.pop_front() {
            self.remove(pending.operation);
        }
    }

    /// Forgets what was cancelled before it was sent.
    pub(crate) fn drop_unsent(&mut self) {
        let mut unsent = Vec::new();
        self.commands.retain(|pending| {
            let keep = match pending.operation {
                OperationId::Activity(seq) => {
                    self.activities.get(&seq).is_some_and(|activity| !activity.was_never_sent())
                }
                OperationId::Timer(seq) => self.timers.get(&seq).is_some_and(|timer| !timer.was_never_sent()),
                OperationId::ChildWorkflow(seq) => {
                    self.child_workflows.get(&seq).is_some_and(|child| !child.was_never_sent())
                }
                OperationId::ExternalSignal(seq) => {
                    self.external_signals.get(&seq).is_some_and(|signal| !signal.was_never_sent())
                }
                OperationId::Nexus(seq) => {
                    self.nexus.get(&seq).is_some_and(|operation| !operation.was_never_sent())
                }
                _ => true,
            };
            if !keep {
                unsent.push(pending.operation);
            }
            keep
        });
        for operation in unsent {
            self.remove(operation);
        }
    }

    /// The commands that were not sent yet, in order.
    pub(crate) fn take_commands(&mut self) -> Vec<wire_command::Command> {
        let mut commands = Vec::new();
        for index in 0..self.commands.len() {
            let pending = self.commands[index];
            if pending.is_sent {
                continue;
            }
            self.commands[index].is_sent = true;
            if let Some((attributes, user_metadata)) = self.take_command(pending.operation, pending.command) {
                commands.push(wire_command::Command {
                    command_type: pending.command.into(),
                    user_metadata,
                    attributes: Some(attributes),
                    ..wire_command::Command::default()
                });
            }
        }
        commands
    }

    fn take_command(
        &mut self,
        operation: OperationId,
        command: CommandType,
    ) -> Option<(Attributes, Option<UserMetadata>)> {
        match operation {
            OperationId::Activity(seq) => self.activities.get_mut(&seq)?.take_command(command),
            OperationId::LocalActivity(seq) => self.local_activities.get_mut(&seq)?.take_command(),
            OperationId::Timer(seq) => self.timers.get_mut(&seq)?.take_command(command),
            OperationId::ChildWorkflow(seq) => self.child_workflows.get_mut(&seq)?.take_command(),
            OperationId::ExternalSignal(seq) => self.external_signals.get_mut(&seq)?.take_command(),
            OperationId::ExternalCancel(seq) => self.external_cancels.get_mut(&seq)?.take_command(),
            OperationId::ChildCancel(seq) => self.child_cancels.get_mut(&seq)?.take_command(),
            OperationId::Nexus(seq) => self.nexus.get_mut(&seq)?.take_command(command),
            OperationId::OneWay(number) => self.one_way.get_mut(&number)?.take_command(),
            OperationId::Patch(number) => self.patches.get_mut(&number)?.take_command(),
            OperationId::Update(number) => self.updates.get_mut(&number)?.take_command(),
        }
    }

    /// What the guest asked for, in words.
    pub(crate) fn describe(&self, pending: PendingCommand) -> String {
        let PendingCommand { operation, command, .. } = pending;
        let description = match operation {
            OperationId::Activity(seq) => {
                (self.activities.get(&seq)).map(|activity| activity.describe(command))
            }
            OperationId::LocalActivity(seq) => {
                (self.local_activities.get(&seq)).map(LocalActivityMachine::describe)
            }
            OperationId::Timer(seq) => self.timers.get(&seq).map(|timer| timer.describe(command)),
            OperationId::ChildWorkflow(seq) => self.child_workflows.get(&seq).map(ChildWorkflow::describe),
            OperationId::ExternalSignal(seq) => {
                (self.external_signals.get(&seq)).map(ExternalSignal::describe)
            }
            OperationId::ExternalCancel(seq) => {
                (self.external_cancels.get(&seq)).map(ExternalCancel::describe)
            }
            OperationId::ChildCancel(seq) => self.child_cancels.get(&seq).map(ExternalCancel::describe),
            OperationId::Nexus(seq) => (self.nexus.get(&seq)).map(|operation| operation.describe(command)),
            OperationId::OneWay(number) => self.one_way.get(&number).map(OneWay::describe),
            OperationId::Patch(number) => self.patches.get(&number).map(PatchMarker::describe),
            OperationId::Update(number) => self.updates.get(&number).map(UpdateMachine::describe),
        };
        description.unwrap_or_else(|| command.as_str_name().to_owned())
    }

    /// The operation that an event began.
    pub(crate) fn begun_by(&self, event_id: i64) -> Option<OperationId> {
        self.by_event.get(&event_id).copied()
    }

    /// Gives an event to its operation.
    pub(crate) fn on_event(
        &mut self,
        operation: OperationId,
        event: &Event,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let progress = match operation {
            OperationId::Activity(seq) => {
                (self.activities.get_mut(&seq)).map(|activity| activity.on_event(event, context))
            }
            OperationId::LocalActivity(seq) => {
                (self.local_activities.get_mut(&seq)).map(|activity| activity.on_event(event, context))
            }
            OperationId::Timer(seq) => {
                (self.timers.get_mut(&seq)).map(|timer| timer.on_event(event, context))
            }
            OperationId::ChildWorkflow(seq) => {
                (self.child_workflows.get_mut(&seq)).map(|child| child.on_event(event, context))
            }
            OperationId::ExternalSignal(seq) => {
                (self.external_signals.get_mut(&seq)).map(|signal| signal.on_event(event, context))
            }
            OperationId::ExternalCancel(seq) => {
                (self.external_cancels.get_mut(&seq)).map(|cancel| cancel.on_event(event, context))
            }
            OperationId::ChildCancel(seq) => {
                (self.child_cancels.get_mut(&seq)).map(|cancel| cancel.on_event(event, context))
            }
            OperationId::Nexus(seq) => {
                (self.nexus.get_mut(&seq)).map(|operation| operation.on_event(event, context))
            }
            OperationId::OneWay(number) => (self.one_way.get(&number)).map(|one_way| one_way.on_event(event)),
            OperationId::Patch(number) => (self.patches.get(&number)).map(|patch| patch.on_event(event)),
            OperationId::Update(number) => {
                (self.updates.get_mut(&number)).map(|update| update.on_event(event))
            }
        };
        match progress.unwrap_or_else(|| Err(event.broken("what it is about is over")))? {
            Progress::Open => {
                if event.begins_operation() {
                    self.by_event.insert(event.id(), operation);
                }
            }
            Progress::Closed => self.remove(operation),
        }
        Ok(())
    }

    fn remove(&mut self, operation: OperationId) {
        let event_id = match operation {
            OperationId::Activity(seq) => self.activities.remove(&seq).map(|it| it.event_id()),
            OperationId::LocalActivity(seq) => self.local_activities.remove(&seq).map(|_| 0),
            OperationId::Timer(seq) => self.timers.remove(&seq).map(|it| it.event_id()),
            OperationId::ChildWorkflow(seq) => self.child_workflows.remove(&seq).map(|it| it.event_id()),
            OperationId::ExternalSignal(seq) => self.external_signals.remove(&seq).map(|it| it.event_id()),
            OperationId::ExternalCancel(seq) => self.external_cancels.remove(&seq).map(|it| it.event_id()),
            OperationId::ChildCancel(seq) => self.child_cancels.remove(&seq).map(|it| it.event_id()),
            OperationId::Nexus(seq) => self.nexus.remove(&seq).map(|it| it.event_id()),
            OperationId::OneWay(number) => self.one_way.remove(&number).map(|_| 0),
            OperationId::Patch(number) => self.patches.remove(&number).map(|_| 0),
            OperationId::Update(number) => self.updates.remove(&number).map(|_| 0),
        };
        if let Some(event_id) = event_id {
            self.by_event.remove(&event_id);
        }
    }
}
