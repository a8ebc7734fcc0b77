//! What the state machines of all operations share. An operation is what a guest asked for, or was asked
//! for, with a command: an activity, a timer, an update, the end of the run.
//!
//! A machine is a function of states and event types ([`Operation::transition`]), and what its transitions
//! do. The function is apart so that a test can list every pair that the machine takes.

use std::fmt::Debug;

use host_wire::temporal::api::{
    command::v1::{RequestCancelExternalWorkflowExecutionCommandAttributes, command::Attributes},
    enums::v1::{CommandType, EventType},
    sdk::v1::UserMetadata,
};

use crate::{
    error::Error,
    history::{Event, Flag, Position},
    job::Job,
};

#[cfg(test)]
pub(crate) mod coverage;

/// A state machine: one operation of a run.
pub(crate) trait Operation: Debug {
    /// The states that it can be in.
    type State: State;
    /// The things that an event can do to it.
    type Transition;

    /// The command that begins it; nothing when none is sent before something else happens.
    const BEGINS_WITH: Option<CommandType>;

    /// Its kind and id, for errors.
    fn name(&self) -> String;

    /// One of its commands, in words: what the workflow did, in errors of nondeterminism.
    fn describe(&self, command: CommandType) -> String;

    /// What is sent for one of its commands; nothing when there is nothing left to send.
    fn command(&mut self, command: CommandType) -> Option<NewCommand>;

    /// The guest cancels it, for a reason that may be empty.
    fn cancel(&mut self, reason: String, jobs: &mut Vec<Job>) -> Cancelled;

    /// The state that it is in.
    fn state(&self) -> Self::State;

    /// What an event of this type does in this state; nothing when it cannot happen then.
    fn transition(state: Self::State, event: EventType) -> Option<Self::Transition>;

    /// Does what [`Operation::transition`] said.
    ///
    /// # Errors
    ///
    /// When the event contradicts the workflow, or the history itself.
    fn apply(
        &mut self,
        transition: Self::Transition,
        event: &Event,
        context: &mut Context<'_>,
    ) -> Result<Progress, Error>;

    /// Whether it was cancelled before its command was sent, so that neither leaves.
    fn was_never_sent(&self) -> bool {
        false
    }

    /// The event that began it, by which later events refer to it; nothing when none does.
    fn event_id(&self) -> Option<i64> {
        None
    }

    /// The type of an event that the machine goes by: its own, unless that of its attributes counts.
    fn event_type(event: &Event) -> EventType {
        event.kind()
    }

    /// History goes on with it.
    ///
    /// # Errors
    ///
    /// When the event cannot happen in this state, or contradicts the workflow or the history itself.
    fn on_event(&mut self, event: &Event, context: &mut Context<'_>) -> Result<Progress, Error> {
        let (state, kind) = (self.state(), Self::event_type(event));
        let Some(transition) = Self::transition(state, kind) else {
            return Err(unexpected(event, &self.name()));
        };
        #[cfg(test)]
        coverage::reach(&coverage::Pair::new::<Self>(state, kind));
        self.apply(transition, event, context)
    }
}

/// The states of a machine.
pub(crate) trait State: Copy + Debug {
    /// All states, with all values of their fields.
    #[cfg(test)]
    fn all() -> Vec<Self>;
}

#[cfg(test)]
impl State for bool {
    fn all() -> Vec<Self> {
        vec![false, true]
    }
}

/// Defines the states of a machine: an enum whose variants have no field, or one, of which all values can be
/// listed.
macro_rules! states {
    (
        $(#[$meta:meta])*
        enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident $({ $field:ident: $kind:ty })? ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $( $(#[$variant_meta])* $variant $({
                $field: $kind,
            })? ),*
        }

        impl $crate::operation::State for $name {
            #[cfg(test)]
            fn all() -> Vec<Self> {
                [$( states!(@values $name $variant $($field $kind)?) ),*].concat()
            }
        }
    };
    (@values $name:ident $variant:ident) => {
        vec![$name::$variant]
    };
    (@values $name:ident $variant:ident $field:ident $kind:ty) => {
        <$kind as $crate::operation::State>::all()
            .into_iter()
            .map(|$field| $name::$variant { $field })
            .collect::<Vec<_>>()
    };
}
pub(crate) use states;

/// What is sent for a command.
#[derive(Debug)]
pub(crate) struct NewCommand {
    pub(crate) attributes: Attributes,
    /// What user interfaces show.
    pub(crate) user_metadata: Option<UserMetadata>,
}

impl From<Attributes> for NewCommand {
    fn from(attributes: Attributes) -> Self {
        Self { attributes, user_metadata: None }
    }
}

/// What an event leaves of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Later events go on with it.
    Open,
    /// No later event refers to it.
    Closed,
}

/// What cancelling an operation leads to, beside jobs.
#[derive(Debug)]
pub(crate) enum Cancelled {
    /// No command.
    Nothing,
    /// This command of the operation.
    Command(CommandType),
    /// A request to the child workflow that it is, which is an operation of its own.
    Child(Box<RequestCancelExternalWorkflowExecutionCommandAttributes>),
    /// It is a local activity: resolve it as cancelled without waiting.
    ResolveLocal {
        /// Whether the worker is to stop it.
        and_stop: bool,
    },
    /// It is a local activity: stop it if the worker runs it, resolve it if its end is known.
    StopLocal,
}

/// What an operation may see and touch while it handles an event.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// For the next activation.
    pub(crate) jobs: &'a mut Vec<Job>,
    /// Where the run is in its history.
    pub(crate) position: &'a Position,
    /// Whether history ends with the task that the event belongs to.
    pub(crate) is_last: bool,
}

impl Context<'_> {
    /// Whether ids and types of activities and child workflows are compared.
    pub(crate) fn checks_id_and_type(&self) -> bool {
        self.position.holds(Flag::ChecksIdAndType, self.is_last)
    }
}

/// Names an operation of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OperationId {
    /// Which count the number is of.
    pub(crate) counter: Counter,
    /// Number within the count, from 1.
    pub(crate) number: u32,
}

/// A count of operations. All but the last are the guest's sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Counter {
    /// Activities and local activities.
    Activity,
    Timer,
    ChildWorkflow,
    SignalExternal,
    CancelExternal,
    Nexus,
    /// Operations that the guest does not number: core does.
    Core,
}

impl Counter {
    /// How many there are.
    pub(crate) const COUNT: usize = Self::Core as usize + 1;

    /// What it counts, in errors.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Timer => "timer",
            Self::ChildWorkflow => "child workflow",
            Self::SignalExternal => "external signal",
            Self::CancelExternal => "external cancel",
            Self::Nexus => "Nexus operation",
            Self::Core => "operation",
        }
    }
}

/// The error for an event that does not fit the operation it is for: the workflow did something else,
/// if the event was recorded for a command; else history contradicts itself.
pub(crate) fn unexpected(event: &Event, operation: &str) -> Error {
    if event.is_command() {
        Error::nondeterminism(event.id(), event.words(), operation)
    } else {
        event.broken(format_args!("{operation} is not in a state for it"))
    }
}

states! {
    /// The state of a [`OneWay`] command.
    enum Pending {
        /// The command is not in history yet.
        Commanded,
    }
}

/// A command that history answers with one event, and nothing more: the ends of a run, search attributes,
/// the memo.
pub(crate) trait OneWay: Debug {
    /// Type of the command that is sent.
    const COMMAND: CommandType;
    /// The event that the service records for it.
    const EVENT: EventType;
    /// The command in words, for errors.
    const DESCRIPTION: &'static str;

    /// Takes the attributes to send; nothing when they were sent before.
    fn take(&mut self) -> Option<Attributes>;

    /// The same as [`Operation::event_type`].
    fn event_type(event: &Event) -> EventType {
        event.kind()
    }
}

impl<T: OneWay> Operation for T {
    type State = Pending;
    type Transition = ();

    const BEGINS_WITH: Option<CommandType> = Some(T::COMMAND);

    fn name(&self) -> String {
        T::DESCRIPTION.to_owned()
    }

    fn describe(&self, _: CommandType) -> String {
        T::DESCRIPTION.to_owned()
    }

    fn command(&mut self, _: CommandType) -> Option<NewCommand> {
        self.take().map(NewCommand::from)
    }

    fn cancel(&mut self, _: String, _: &mut Vec<Job>) -> Cancelled {
        Cancelled::Nothing
    }

    fn state(&self) -> Pending {
        Pending::Commanded
    }

    fn transition(Pending::Commanded: Pending, event: EventType) -> Option<()> {
        (event == T::EVENT).then_some(())
    }

    fn apply(&mut self, (): (), _: &Event, _: &mut Context<'_>) -> Result<Progress, Error> {
        Ok(Progress::Closed)
    }

    fn event_type(event: &Event) -> EventType {
        <T as OneWay>::event_type(event)
    }
}
