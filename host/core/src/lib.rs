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
//! Temporal's sdk-core (0.10) defines what a history means. These differences are intended:
//!
//! - core flags and event types that are not known fail the task, unless the event has `worker_may_ignore`;
//! - flag 4, which newer versions write, is honoured: heartbeats are told by what follows them;
//! - an abandoned activity may fail or time out, an abandoned Nexus operation may close: sdk-core fails
//!   the task then, although neither workflow nor history is wrong;
//! - nothing is resolved twice, where sdk-core resolves a Nexus operation twice;
//! - a child is cancelled by its workflow id alone, where sdk-core names the run that started, which a child that
//!   continued as new has left;
//! - an update that is requested again while it runs is not begun again;
//! - patches are no jobs: a task whose history has a patch marker and nothing else activates nothing;
//! - an event that refers to a missing one is a broken history, not nondeterminism; a command that meets
//!   another event is nondeterminism, also where sdk-core calls it an invalid transition;
//! - a run starts once.
//!
//! # How it is made
//!
//! Data flows one way. `history` cuts what was fed into logical workflow tasks and keeps where the run is in
//! them; `run` says whose turn it is; `machines` holds all operations that are not over, `machines::replay`
//! gives them events, `machines::record` gives them commands. A kind of operation is one file in
//! `operations`: its state machine, its commands, its words in errors; `operation` says what a kind has to
//! have. The field numbers of encoded events are `host-wire`'s.

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
pub use error::{CommandOrigin, Error, Nondeterminism};
pub use history::command_in_words;
pub use job::{
    Activation, ActivityResolution, ChildWorkflowStartResolution, Job, LocalActivityBackoff,
    NexusStartResolution, Outcome, Start, Update,
};
pub use random::random_seed;
pub use run::Run;
