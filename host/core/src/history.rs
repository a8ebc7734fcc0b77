//! History as a run reads it: events, cut into logical workflow tasks, and what they say of the run itself.
//! What an event does to an operation is said in `operations`.

mod event;
mod flags;
mod logical_tasks;
pub(crate) mod markers;
mod position;
mod task_events;
mod words;

pub(crate) use event::{Event, Role};
pub(crate) use flags::Flag;
pub(crate) use logical_tasks::{LogicalTask, LogicalTasks, Next};
pub(crate) use position::{CurrentTask, Position};
pub(crate) use task_events::TaskEffect;
pub use words::command_in_words;
