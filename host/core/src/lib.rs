//! The workflow state machines: history events to jobs, commands checked against events.
//!
//! One run is one [`Run`]: a value without async, I/O, clock or randomness, which takes events and
//! says what to do next.
//!
//! ```text
//! run.start_task(Task::from_poll(&mut polled));
//! run.feed(events, last_page);
//! loop {
//!     match run.next_step()? {
//!         NeedEvents            => run.feed(the next page, …),
//!         Activate(activation)  => run.activated(commands that the guest asked for),
//!         ValidateUpdate(…)     => run.validated(what a copy of the guest says),
//!         Query(…)              => run.answered(what a copy of the guest says),
//!         LocalActivities(…)    => start and cancel them; run.local_activity_resolved(…) later,
//!         Respond(completion)   => RespondWorkflowTaskCompleted; drop the run if that fails,
//!         RespondQuery(answer)  => RespondQueryTaskCompleted,
//!         Idle                  => keep the run for its next task,
//!     }
//! }
//! ```
//!
//! The first error ends a run: [`Error::cause`] goes to `RespondWorkflowTaskFailed`, the run is
//! dropped. A cached run whose next task arrives is given that task and its history; events that it
//! knows are dropped. A gap is an error: drop the run and feed a new one from event 1.
//!
//! # Where it differs from sdk-core
//!
//! What a history means is defined by Temporal's sdk-core (0.10). On purpose, here
//!
//! - core flags and event types that are not known fail the task, unless the event may be ignored;
//! - flag 4, which newer versions write, is honoured: heartbeats are told by what follows them;
//! - an abandoned activity may fail or time out, an abandoned Nexus operation may close: sdk-core fails
//!   the task then, although nobody did anything wrong;
//! - nothing is resolved twice, where sdk-core lets a Nexus operation be;
//! - patches are no jobs: history that has nothing but a patch marker for a task activates nothing;
//! - an event without the event that it refers to is a broken history, not nondeterminism; a command
//!   that met another event is nondeterminism, also where sdk-core calls it an invalid transition;
//! - a run starts once.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod api;
mod command;
mod error;
mod failures;
mod history;
mod job;
mod local_activity_queue;
mod machines;
mod operation;
mod operations;
mod patches;
mod queries;
mod random;
mod run;
#[cfg(test)]
mod tests;

pub use api::{
    Completion, LocalActivityRequests, LocalActivityResult, Query, Rejection, RunConfig, Step, Task,
    UpdateValidation,
};
pub use command::{
    ActivityCancellation, ChildWorkflowCancellation, Command, LocalActivity, NexusCancellation,
};
pub use error::{Error, Nondeterminism};
pub use job::{
    Activation, ActivityResolution, ChildWorkflowStartResolution, Job, LocalActivityBackoff,
    NexusStartResolution, Outcome, Start, Update,
};
pub use patches::Patches;
pub use random::random_seed;
pub use run::Run;
