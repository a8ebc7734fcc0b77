//! Timers: started, then fired or cancelled.

use host_wire::temporal::api::{
    command::v1::{CancelTimerCommandAttributes, StartTimerCommandAttributes, command::Attributes},
    enums::v1::{CommandType, EventType},
    history::v1::TimerFiredEventAttributes,
    sdk::v1::UserMetadata,
};
use prost_types::Duration;

use crate::{
    error::Error,
    history::Event,
    job::Job,
    operation::{Cancelled, Context, NewCommand, Operation, Progress, states},
};

/// One timer of a run. Its id is its sequence number.
#[derive(Debug)]
pub(crate) struct Timer {
    seq: u32,
    state: State,
    started_event_id: i64,
    start_to_fire_timeout: Duration,
    user_metadata: Option<Box<UserMetadata>>,
}

states! {
    /// Where a timer stands.
    enum State {
        /// The command to start it is not in history yet.
        Commanded,
        Started,
        /// The command to cancel it is not in history yet.
        CancelCommanded,
        /// Cancelled before it was sent.
        NeverSent,
    }
}

/// What an event does to a timer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transition {
    Start,
    Fire,
    Cancel,
}

impl Timer {
    pub(crate) fn new(
        seq: u32,
        start_to_fire_timeout: Duration,
        user_metadata: Option<Box<UserMetadata>>,
    ) -> Self {
        Self { seq, state: State::Commanded, started_event_id: 0, start_to_fire_timeout, user_metadata }
    }
}

impl Operation for Timer {
    type State = State;
    type Transition = Transition;

    const BEGINS_WITH: Option<CommandType> = Some(CommandType::StartTimer);

    fn name(&self) -> String {
        format!("timer {}", self.seq)
    }

    fn describe(&self, command: CommandType) -> String {
        if command == CommandType::CancelTimer {
            format!("a cancellation of timer {}", self.seq)
        } else {
            format!("a start of timer {}", self.seq)
        }
    }

    fn command(&mut self, command: CommandType) -> Option<NewCommand> {
        let timer_id = self.seq.to_string();
        if command == CommandType::CancelTimer {
            let cancel = CancelTimerCommandAttributes { timer_id };
            return Some(Attributes::CancelTimerCommandAttributes(Box::new(cancel)).into());
        }
        let start =
            StartTimerCommandAttributes { timer_id, start_to_fire_timeout: Some(self.start_to_fire_timeout) };
        Some(NewCommand {
            attributes: Attributes::StartTimerCommandAttributes(Box::new(start)),
            user_metadata: self.user_metadata.take().map(|metadata| *metadata),
        })
    }

    fn cancel(&mut self, _: String, _: &mut Vec<Job>) -> Cancelled {
        match self.state {
            State::Commanded => {
                self.state = State::NeverSent;
                Cancelled::Nothing
            }
            State::Started => {
                self.state = State::CancelCommanded;
                Cancelled::Command(CommandType::CancelTimer)
            }
            State::CancelCommanded | State::NeverSent => Cancelled::Nothing,
        }
    }

    fn state(&self) -> State {
        self.state
    }

    fn transition(state: State, event: EventType) -> Option<Transition> {
        Some(match (state, event) {
            (State::Commanded, EventType::TimerStarted) => Transition::Start,
            (State::Started, EventType::TimerFired) => Transition::Fire,
            (State::CancelCommanded, EventType::TimerCanceled) => Transition::Cancel,
            _ => return None,
        })
    }

    fn apply(
        &mut self,
        transition: Transition,
        event: &Event,
        context: &mut Context<'_>,
    ) -> Result<Progress, Error> {
        match transition {
            // The id is compared when the timer fires, as sdk-core does.
            Transition::Start => {
                self.state = State::Started;
                self.started_event_id = event.id();
                self.user_metadata = None;
                return Ok(Progress::Open);
            }
            Transition::Fire => {
                let fired: TimerFiredEventAttributes = event.attributes()?;
                if fired.timer_id != self.seq.to_string() {
                    return Err(Error::nondeterminism(
                        event.id(),
                        format!("timer {} firing", fired.timer_id),
                        format!("timer {} started by the same event", self.seq),
                    ));
                }
                context.jobs.push(Job::TimerFired { seq: self.seq });
            }
            Transition::Cancel => {}
        }
        Ok(Progress::Closed)
    }

    fn was_never_sent(&self) -> bool {
        self.state == State::NeverSent
    }

    fn event_id(&self) -> Option<i64> {
        Some(self.started_event_id)
    }
}
