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
    event::{Event, tag},
    job::Job,
    operations::{Cancelled, Context, Progress, unexpected},
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The command to start it is not in history yet.
    Commanded,
    Started,
    /// The command to cancel it is not in history yet.
    CancelCommanded,
    /// Cancelled before it was sent.
    NeverSent,
}

impl Timer {
    pub(crate) fn new(
        seq: u32,
        start_to_fire_timeout: Duration,
        user_metadata: Option<Box<UserMetadata>>,
    ) -> Self {
        Self { seq, state: State::Commanded, started_event_id: 0, start_to_fire_timeout, user_metadata }
    }

    pub(crate) fn event_id(&self) -> i64 {
        self.started_event_id
    }

    pub(crate) fn was_never_sent(&self) -> bool {
        self.state == State::NeverSent
    }

    pub(crate) fn describe(&self, command: CommandType) -> String {
        match command {
            CommandType::CancelTimer => format!("a cancellation of timer {}", self.seq),
            _ => format!("a start of timer {}", self.seq),
        }
    }

    pub(crate) fn take_command(
        &mut self,
        command: CommandType,
    ) -> Option<(Attributes, Option<UserMetadata>)> {
        let timer_id = self.seq.to_string();
        Some(if command == CommandType::CancelTimer {
            let cancel = CancelTimerCommandAttributes { timer_id };
            (Attributes::CancelTimerCommandAttributes(Box::new(cancel)), None)
        } else {
            let start = StartTimerCommandAttributes {
                timer_id,
                start_to_fire_timeout: Some(self.start_to_fire_timeout),
            };
            (
                Attributes::StartTimerCommandAttributes(Box::new(start)),
                self.user_metadata.take().map(|metadata| *metadata),
            )
        })
    }

    pub(crate) fn cancel(&mut self) -> Cancelled {
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

    pub(crate) fn on_event(&mut self, event: &Event, context: &mut Context<'_>) -> Result<Progress, Error> {
        match (self.state, event.kind()) {
            // The id is compared when the timer fires, as sdk-core does.
            (State::Commanded, EventType::TimerStarted) => {
                self.state = State::Started;
                self.started_event_id = event.id();
                self.user_metadata = None;
                Ok(Progress::Open)
            }
            (State::Started, EventType::TimerFired) => {
                let fired: TimerFiredEventAttributes = event.attributes(tag::TIMER_FIRED)?;
                if fired.timer_id != self.seq.to_string() {
                    return Err(Error::nondeterminism(
                        event.id(),
                        format!("timer {} firing", fired.timer_id),
                        format!("timer {} started by the same event", self.seq),
                    ));
                }
                context.jobs.push(Job::TimerFired { seq: self.seq });
                Ok(Progress::Closed)
            }
            (State::CancelCommanded, EventType::TimerCanceled) => Ok(Progress::Closed),
            _ => Err(unexpected(event, &format!("timer {}", self.seq))),
        }
    }
}
