//! A workflow type as the SDK calls it: `#[workflow_methods]` implements it.

use std::error::Error;
use std::rc::Rc;

use guest_sdk_types::{Failure, Payload, PayloadError, Returned, WorkflowDefinition};

use crate::bindings::workflow::host::definition::VersioningBehavior;
use crate::context::{WorkflowContext, WorkflowContextView};
use crate::error::{WorkflowResult, failure_of};
use crate::executor::LocalFuture;
use crate::run_state::RunState;

/// The future of a method, unless its arguments could not be decoded.
pub type StartedMethod<T> = Result<LocalFuture<T>, PayloadError>;

/// The result of a query or an update.
pub type HandlerResult = Result<Payload, Box<Failure>>;

/// Whether an update is accepted: the failure is the reason of the rejection.
pub type ValidationResult = Result<(), Box<Failure>>;

/// A call of a handler.
pub enum HandlerCall<T> {
    /// No handler has this name.
    Unknown,
    /// The arguments could not be decoded.
    Undecoded(PayloadError),
    /// The handler is synchronous and has returned.
    Done(T),
    /// The handler is asynchronous; its future has not been polled yet.
    Running(LocalFuture<T>),
}

impl<T> HandlerCall<T> {
    /// Runs a synchronous handler.
    pub fn done(handler: impl FnOnce() -> Result<T, PayloadError>) -> Self {
        handler().map_or_else(Self::Undecoded, Self::Done)
    }

    /// Takes the future of an asynchronous handler.
    pub fn running(handler: impl FnOnce() -> StartedMethod<T>) -> Self {
        handler().map_or_else(Self::Undecoded, Self::Running)
    }
}

/// Encodes what a handler returned, where that is a `Result`.
pub fn fallible<T: Returned, E: Into<Box<dyn Error + Send + Sync>>>(result: Result<T, E>) -> HandlerResult {
    infallible(result.map_err(|error| Box::new(failure_of(error.into())))?)
}

/// Encodes what a handler returned, where that is no `Result`.
pub fn infallible<T: Returned>(result: T) -> HandlerResult {
    result.to_payload().map_err(|error| Box::new(failure_of(error.into())))
}

/// Turns what a validator returned into the reason of a rejection.
pub fn validated<E: Into<Box<dyn Error + Send + Sync>>>(result: Result<(), E>) -> ValidationResult {
    result.map_err(|error| Box::new(failure_of(error.into())))
}

/// A workflow type and its handlers. An empty name belongs to a dynamic workflow or handler.
#[derive(Debug)]
pub struct Definition {
    /// The workflow type.
    pub name: &'static str,
    /// The signal handlers.
    pub signals: &'static [Handler],
    /// The query handlers.
    pub queries: &'static [Handler],
    /// The update handlers.
    pub updates: &'static [Handler],
    /// What becomes of open runs when another module takes the new ones.
    pub versioning_behavior: VersioningBehavior,
}

/// A handler of a workflow type.
#[derive(Debug)]
pub struct Handler {
    /// The name of what it handles.
    pub name: &'static str,
    /// What user interfaces show beside the name.
    pub description: &'static str,
    /// Whether a validator accepts its updates.
    pub has_validator: bool,
    /// Whether arguments of a signal that do not decode fail the workflow task, instead of being dropped.
    pub strict: bool,
    /// Whether the run may end without a warning while it runs.
    pub abandon: bool,
}

impl Definition {
    /// The handler for a name: that of the name, or the dynamic one.
    pub(crate) fn find<'h>(handlers: &'h [Handler], name: &str) -> Option<&'h Handler> {
        let named = handlers.iter().find(|handler| handler.name == name);
        named.or_else(|| handlers.iter().find(|handler| handler.name.is_empty()))
    }
}

/// The names of handlers in order, as `[one other]`: for messages about a name that none of them has.
pub(crate) fn known(handlers: &[Handler]) -> String {
    let mut names: Vec<_> =
        handlers.iter().map(|handler| handler.name).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    format!("[{}]", names.join(" "))
}

/// A workflow type with the type of its state. `#[workflow_methods]` implements it.
pub trait WorkflowImplementation: Sized + 'static {
    /// The marker of the `#[run]` method.
    type Run: WorkflowDefinition;

    /// The type and its handlers.
    const DEFINITION: Definition;

    /// Makes the state: the `#[init]` method, or `Default`.
    ///
    /// # Errors
    /// The arguments could not be decoded.
    fn init(context: &WorkflowContextView, arguments: &[Payload]) -> Result<Self, PayloadError>;

    /// Makes the future of the `#[run]` method.
    fn run(context: WorkflowContext<Self>, arguments: &[Payload]) -> StartedMethod<WorkflowResult<Payload>>;

    /// Calls the handler of a signal.
    fn signal(context: &WorkflowContext<Self>, name: &str, arguments: &[Payload]) -> HandlerCall<()>;

    /// Calls the handler of a query.
    fn query(
        &self,
        context: &WorkflowContextView,
        name: &str,
        arguments: &[Payload],
    ) -> HandlerCall<HandlerResult>;

    /// Calls the handler of an update that was accepted.
    fn update(
        context: &WorkflowContext<Self>,
        name: &str,
        arguments: &[Payload],
    ) -> HandlerCall<HandlerResult>;

    /// Calls the validator of an update.
    fn validate(
        &self,
        context: &WorkflowContextView,
        name: &str,
        arguments: &[Payload],
    ) -> HandlerCall<ValidationResult>;
}

/// A started workflow, without the type of its state.
pub(crate) trait Workflow {
    fn run(&self, arguments: &[Payload]) -> StartedMethod<WorkflowResult<Payload>>;
    fn signal(&self, name: &str, arguments: &[Payload]) -> HandlerCall<()>;
    fn query(&self, name: &str, arguments: &[Payload]) -> HandlerCall<HandlerResult>;
    fn update(&self, name: &str, arguments: &[Payload]) -> HandlerCall<HandlerResult>;
    fn validate(&self, name: &str, arguments: &[Payload]) -> HandlerCall<ValidationResult>;
}

impl<W: WorkflowImplementation> Workflow for WorkflowContext<W> {
    fn run(&self, arguments: &[Payload]) -> StartedMethod<WorkflowResult<Payload>> {
        W::run(self.clone(), arguments)
    }

    fn signal(&self, name: &str, arguments: &[Payload]) -> HandlerCall<()> {
        W::signal(self, name, arguments)
    }

    fn query(&self, name: &str, arguments: &[Payload]) -> HandlerCall<HandlerResult> {
        self.state(|state| state.query(self, name, arguments))
    }

    fn update(&self, name: &str, arguments: &[Payload]) -> HandlerCall<HandlerResult> {
        W::update(self, name, arguments)
    }

    fn validate(&self, name: &str, arguments: &[Payload]) -> HandlerCall<ValidationResult> {
        self.state(|state| state.validate(self, name, arguments))
    }
}

/// A workflow type of a module, without the type of its state.
pub struct WorkflowType {
    pub(crate) definition: Definition,
    pub(crate) start: StartFunction,
}

pub(crate) type StartFunction = fn(Rc<RunState>, &[Payload]) -> Result<Rc<dyn Workflow>, PayloadError>;

impl WorkflowType {
    /// The workflow type that `W` implements.
    #[must_use]
    pub const fn of<W: WorkflowImplementation>() -> Self {
        Self {
            definition: W::DEFINITION,
            start: |run, arguments| {
                let state = W::init(&WorkflowContextView(Rc::clone(&run)), arguments)?;
                Ok(Rc::new(WorkflowContext::new(run, state)))
            },
        }
    }
}

impl std::fmt::Debug for WorkflowType {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("WorkflowType").field(&self.definition).finish()
    }
}

impl<T> std::fmt::Debug for HandlerCall<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Unknown => "Unknown",
            Self::Undecoded(_) => "Undecoded",
            Self::Done(_) => "Done",
            Self::Running(_) => "Running",
        })
    }
}
