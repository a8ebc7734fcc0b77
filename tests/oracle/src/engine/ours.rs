//! Replays with `host-core`.

use bytes::Bytes;
use host_core::{Command, Error, Run, RunConfig, Step, Task};

use crate::{
    from_coresdk,
    player::Player,
    replayed::{Replayed, Verdict},
};

/// Steps after which a replay is taken for one that never ends, for each event of its history.
const MAX_STEPS_PER_EVENT: usize = 8;
/// Steps that a replay may take on top of that.
const MAX_STEPS: usize = 64;

/// How a history is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// At once.
    One,
    /// So many events at a time.
    Of(usize),
}

/// Replays encoded events, which are a history to its end.
pub fn replay(events: &[Bytes], run_id: &str, player: &mut dyn Player, pages: Pages) -> Replayed {
    let mut activations = Vec::new();
    let verdict = match drive(events, run_id, player, pages, &mut activations) {
        Ok(()) => Verdict::Ok,
        Err(Stop::Core(error @ Error::Nondeterminism(_))) => Verdict::Nondeterminism(error.to_string()),
        Err(Stop::Core(error)) => Verdict::Broken(error.to_string()),
        Err(Stop::Guest(message)) => Verdict::Broken(message),
        Err(Stop::Stuck(message)) => Verdict::Refused(message),
    };
    Replayed { activations, verdict }
}

enum Stop {
    Core(Error),
    Guest(String),
    Stuck(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

fn drive(
    events: &[Bytes],
    run_id: &str,
    player: &mut dyn Player,
    pages: Pages,
    activations: &mut Vec<host_core::Activation>,
) -> Result<(), Stop> {
    let page_len = match pages {
        Pages::One => events.len().max(1),
        Pages::Of(len) => len.max(1),
    };
    let mut pages = events.chunks(page_len).peekable();
    let mut run =
        Run::new(RunConfig { run_id: run_id.to_owned(), writes_sdk_metadata: true, ..RunConfig::default() });
    run.start_task(Task::replay())?;
    for _ in 0..events.len() * MAX_STEPS_PER_EVENT + MAX_STEPS {
        match run.next_step()? {
            Step::NeedEvents => {
                let page = pages.next().ok_or_else(|| Stop::Stuck("asks for more than all events".into()))?;
                run.feed(page.to_vec(), pages.peek().is_none());
            }
            Step::Activate(activation) => {
                let commands: Vec<Command> = player.play(&activation).map_err(Stop::Guest)?;
                activations.push(from_coresdk::reduced(activation));
                run.activated(commands)?;
            }
            Step::Respond(_) | Step::LocalActivities(_) => {}
            Step::Idle => return Ok(()),
            step @ (Step::ValidateUpdate(_) | Step::Query(_) | Step::RespondQuery(_)) => {
                return Err(Stop::Stuck(format!("takes a step that no replay takes: {step:?}")));
            }
        }
    }
    Err(Stop::Stuck("goes on for ever".into()))
}
