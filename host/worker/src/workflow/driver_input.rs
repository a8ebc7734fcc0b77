//! What a run is fed in one call of a sandbox thread.

use host_core::{LocalActivityResult, Task};

use super::{
    history::Events,
    run::{Advance, RunDriver, RunFailure},
};

/// What goes to a sandbox thread along with a run.
pub(crate) enum DriverInput {
    Task(Box<Task>),
    Events(Events),
    LocalActivity(Box<LocalActivityResult>),
    /// The task is about to time out while local activities run.
    Heartbeat,
    /// The driver just goes on.
    Nothing,
}

impl DriverInput {
    /// How many events it has.
    pub(crate) fn events(&self) -> usize {
        match self {
            Self::Events(events) => events.events.len(),
            Self::Task(_) | Self::LocalActivity(_) | Self::Heartbeat | Self::Nothing => 0,
        }
    }

    /// Gives it to the run, and has that go on.
    ///
    /// # Errors
    ///
    /// When the run fails.
    pub(crate) fn feed(self, driver: &mut RunDriver) -> Result<Advance, RunFailure> {
        match self {
            Self::Task(task) => driver.start_task(*task)?,
            Self::Events(Events { events, last_page }) => driver.feed(events, last_page),
            Self::LocalActivity(result) => driver.local_activity_resolved(*result)?,
            Self::Heartbeat => driver.heartbeat(),
            Self::Nothing => {}
        }
        driver.advance()
    }
}
