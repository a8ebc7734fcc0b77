//! What a workflow type is to the runtime: implemented by `#[workflow_methods]`, called by the engine.

use std::error::Error;
use std::rc::Rc;

use guest_sdk_types::{Failure, Payload, PayloadError, Returned, WorkflowDefinition};

use crate::context::{WorkflowContext, WorkflowContextView};
use crate::error::{WorkflowResult, failure_of};
use crate::executor::LocalFuture;
use crate::run::Run;

/// A future, unless the arguments could not be decoded.
pub type Started<T> = Result<LocalFuture<T>, PayloadError>;

/// What a query or an update gives.
pub type Answer = Result<Payload, Box<Failure>>;

/// Whether an update is accepted.
pub type Verdict = Result<(), Box<Failure>>;

/// What became of a call of a handler.
pub enum Handled<T> {
    /// There is no handler of this name.
    Unknown,
    /// The arguments could not be decoded.
    Undecoded(PayloadError),
    /// It has ended.
    Done(T),
    /// It is to be polled.
    Running(LocalFuture<T>),
}

impl<T> Handled<T> {
    /// Runs a synchronous handler.
    pub fn done(handler: impl FnOnce() -> Result<T, PayloadError>) -> Self {
        handler().map_or_else(Self::Undecoded, Self::Done)
    }

    /// Makes the future of an asynchronous handler.
    pub fn running(handler: impl FnOnce() -> Started<T>) -> Self {
        handler().map_or_else(Self::Undecoded, Self::Running)
    }
}

/// What a handler returned, where it may fail.
pub fn fallible<T: Returned, E: Into<Box<dyn Error + Send + Sync>>>(result: Result<T, E>) -> Answer {
    infallible(result.map_err(|error| Box::new(failure_of(error.into())))?)
}

/// What a handler returned, where it cannot fail.
pub fn infallible<T: Returned>(result: T) -> Answer {
    result.to_payload().map_err(|error| Box::new(failure_of(error.into())))
}

/// What a validator returned.
pub fn verdict<E: Into<Box<dyn Error + Send + Sync>>>(result: Result<(), E>) -> Verdict {
    result.map_err(|error| Box::new(failure_of(error.into())))
}

/// The names of a workflow type and of its handlers; an empty name is dynamic.
#[derive(Debug)]
pub struct Definition {
    /// The type.
    pub name: &'static str,
    /// Signals.
    pub signals: &'static [&'static str],
    /// Queries.
    pub queries: &'static [&'static str],
    /// Updates, and whether each has a validator.
    pub updates: &'static [(&'static str, bool)],
}

/// A workflow type. Implemented by `#[workflow_methods]`.
pub trait WorkflowImplementation: Sized + 'static {
    /// The marker of the main routine.
    type Run: WorkflowDefinition;

    /// Its names.
    const DEFINITION: Definition;

    /// Makes the state.
    fn init(context: &WorkflowContextView, arguments: &[Payload]) -> Result<Self, PayloadError>;

    /// Makes the future of the main routine.
    fn run(context: WorkflowContext<Self>, arguments: &[Payload]) -> Started<WorkflowResult<Payload>>;

    /// Handles a signal.
    fn signal(context: &WorkflowContext<Self>, name: &str, arguments: &[Payload]) -> Handled<()>;

    /// Answers a query.
    fn query(&self, context: &WorkflowContextView, name: &str, arguments: &[Payload]) -> Handled<Answer>;

    /// Handles an update that was accepted.
    fn update(context: &WorkflowContext<Self>, name: &str, arguments: &[Payload]) -> Handled<Answer>;

    /// Accepts or rejects an update.
    fn validate(&self, context: &WorkflowContextView, name: &str, arguments: &[Payload]) -> Handled<Verdict>;
}

/// A workflow of some type, started.
pub(crate) trait Workflow {
    fn run(&self, arguments: &[Payload]) -> Started<WorkflowResult<Payload>>;
    fn signal(&self, name: &str, arguments: &[Payload]) -> Handled<()>;
    fn query(&self, name: &str, arguments: &[Payload]) -> Handled<Answer>;
    fn update(&self, name: &str, arguments: &[Payload]) -> Handled<Answer>;
    fn validate(&self, name: &str, arguments: &[Payload]) -> Handled<Verdict>;
}

impl<W: WorkflowImplementation> Workflow for WorkflowContext<W> {
    fn run(&self, arguments: &[Payload]) -> Started<WorkflowResult<Payload>> {
        W::run(self.clone(), arguments)
    }

    fn signal(&self, name: &str, arguments: &[Payload]) -> Handled<()> {
        W::signal(self, name, arguments)
    }

    fn query(&self, name: &str, arguments: &[Payload]) -> Handled<Answer> {
        self.state(|state| state.query(self, name, arguments))
    }

    fn update(&self, name: &str, arguments: &[Payload]) -> Handled<Answer> {
        W::update(self, name, arguments)
    }

    fn validate(&self, name: &str, arguments: &[Payload]) -> Handled<Verdict> {
        self.state(|state| state.validate(self, name, arguments))
    }
}

/// A workflow type of a module, without its type.
pub struct WorkflowType {
    pub(crate) definition: Definition,
    pub(crate) start: StartFunction,
}

type StartFunction = fn(Rc<Run>, &[Payload]) -> Result<Box<dyn Workflow>, PayloadError>;

impl WorkflowType {
    /// The one that `W` implements.
    #[must_use]
    pub const fn of<W: WorkflowImplementation>() -> Self {
        Self {
            definition: W::DEFINITION,
            start: |run, arguments| {
                let state = W::init(&WorkflowContextView(Rc::clone(&run)), arguments)?;
                Ok(Box::new(WorkflowContext::new(run, state)))
            },
        }
    }
}

impl std::fmt::Debug for WorkflowType {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("WorkflowType").field(&self.definition).finish()
    }
}

impl<T> std::fmt::Debug for Handled<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Unknown => "Unknown",
            Self::Undecoded(_) => "Undecoded",
            Self::Done(_) => "Done",
            Self::Running(_) => "Running",
        })
    }
}
