//! Inbound calls of a run with interceptors: each goes through the chain, and ends at the method of the workflow.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use guest_sdk_types::{Failure, NamedPayloads, Payload, PayloadError};

use super::{deliver_without_method, drop_signal, task_failure, undecoded, unknown_query, unknown_update};
use crate::context::WorkflowContextView;
use crate::error::{WorkflowResult, WorkflowTermination};
use crate::executor::LocalFuture;
use crate::run_state::RunState;
use crate::workflow::{Definition, HandlerCall, HandlerResult, StartFunction, ValidationResult, Workflow};
use crate::workflow_interceptors::{
    ExecuteWorkflowInput, HandleQueryInput, HandleSignalInput, HandleSignalResult, HandleUpdateInput,
    InitializeWorkflowInput, InitializeWorkflowOutput, ValidateUpdateInput, WorkflowInterceptorContext,
    WorkflowInterceptorFuture, WorkflowNext, call_inbound, interceptors,
};

/// The end of the chain: the workflow. A clone is the same workflow.
#[derive(Clone)]
pub(super) struct Intercepted {
    pub(super) run: Rc<RunState>,
    pub(super) workflow: Rc<dyn Workflow>,
    pub(super) definition: &'static Definition,
}

/// Makes the state of a workflow.
pub(super) fn initialize(
    run: &Rc<RunState>,
    arguments: Vec<Payload>,
    headers: NamedPayloads,
    start: StartFunction,
) -> Result<Rc<dyn Workflow>, Box<Failure>> {
    let made: Cell<Option<Result<Rc<dyn Workflow>, PayloadError>>> = Cell::new(None);
    let end = WorkflowNext::new(|input: InitializeWorkflowInput| {
        made.set(Some(start(Rc::clone(run), &input.arguments)));
        InitializeWorkflowOutput(())
    });
    call_inbound(
        interceptors(run),
        WorkflowContextView(Rc::clone(run)),
        InitializeWorkflowInput { arguments, headers },
        |interceptor, context, input, next| interceptor.initialize_workflow(context, input, next),
        end,
    );
    match made.take() {
        Some(made) => made.map_err(|error| undecoded("workflow", &run.info.workflow_type, &error)),
        None => Err(task_failure("an interceptor's `initialize_workflow` did not call `next`")),
    }
}

impl Intercepted {
    fn context(&self) -> WorkflowInterceptorContext {
        WorkflowInterceptorContext::new(Rc::clone(&self.run))
    }

    fn view(&self) -> WorkflowContextView {
        WorkflowContextView(Rc::clone(&self.run))
    }

    /// The body of an async method: it begins when no more jobs are applied, as it does without interceptors.
    fn body<T: 'static>(&self, future: LocalFuture<T>) -> Body<T> {
        Body { run: Rc::clone(&self.run), future }
    }

    /// Makes the future of the `#[run]` method, and polls it once.
    pub(super) fn execute(
        self,
        arguments: Vec<Payload>,
        headers: NamedPayloads,
    ) -> LocalFuture<WorkflowResult<Payload>> {
        let run = Rc::clone(&self.run);
        let mut future: LocalFuture<_> = Box::pin(async move {
            let end = WorkflowNext::new(|input| self.end_execute(input));
            let input = ExecuteWorkflowInput { arguments, headers };
            call_inbound(
                interceptors(&self.run),
                self.context(),
                input,
                |interceptor, context, input, next| interceptor.execute(context, input, next),
                end,
            )
            .await
        });
        match poll_once(&run, &mut future) {
            Poll::Ready(result) => Box::pin(std::future::ready(result)),
            Poll::Pending => future,
        }
    }

    fn end_execute(
        &self,
        input: ExecuteWorkflowInput,
    ) -> WorkflowInterceptorFuture<'_, WorkflowResult<Payload>> {
        // An interceptor calls `next` once.
        let _ = self.run.intercepted_headers.set(input.headers);
        match self.workflow.run(&input.arguments) {
            Ok(future) => WorkflowInterceptorFuture::new(self.body(future)),
            Err(error) => {
                self.run.fail_task(undecoded("workflow", &self.run.info.workflow_type, &error));
                ended(Err(WorkflowTermination::PayloadConversion(error)))
            }
        }
    }

    pub(super) fn signal(
        self,
        name: String,
        arguments: Vec<Payload>,
        headers: NamedPayloads,
    ) -> LocalFuture<HandleSignalResult> {
        Box::pin(async move {
            let end = WorkflowNext::new(|input| self.end_signal(input));
            let input = HandleSignalInput { name, arguments, headers };
            call_inbound(
                interceptors(&self.run),
                self.context(),
                input,
                |interceptor, context, input, next| interceptor.handle_signal(context, input, next),
                end,
            )
            .await
        })
    }

    fn end_signal(&self, input: HandleSignalInput) -> WorkflowInterceptorFuture<'_, HandleSignalResult> {
        let HandleSignalInput { name, arguments, .. } = input;
        match self.workflow.signal(&name, &arguments) {
            HandlerCall::Unknown => deliver_without_method(&self.run, self.definition, name, arguments),
            HandlerCall::Undecoded(error) => {
                let handler = Definition::find(self.definition.signals, &name);
                if handler.is_some_and(|handler| handler.strict) {
                    return ended(Err(undecoded("signal", &name, &error)));
                }
                drop_signal(&name, &error);
            }
            HandlerCall::Done(()) => {}
            HandlerCall::Running(future) => {
                let body = self.body(future);
                return WorkflowInterceptorFuture::new(async move {
                    body.await;
                    Ok(())
                });
            }
        }
        ended(Ok(()))
    }

    pub(super) fn update(
        self,
        id: String,
        name: String,
        arguments: Vec<Payload>,
        headers: NamedPayloads,
    ) -> LocalFuture<HandlerResult> {
        Box::pin(async move {
            let end = WorkflowNext::new(|input| self.end_update(input));
            let input = HandleUpdateInput { id, name, arguments, headers };
            call_inbound(
                interceptors(&self.run),
                self.context(),
                input,
                |interceptor, context, input, next| interceptor.handle_update(context, input, next),
                end,
            )
            .await
        })
    }

    fn end_update(&self, input: HandleUpdateInput) -> WorkflowInterceptorFuture<'_, HandlerResult> {
        match self.workflow.update(&input.name, &input.arguments) {
            HandlerCall::Unknown => ended(self.failed_task(unknown_update(self.definition, &input.name))),
            HandlerCall::Undecoded(error) => {
                ended(self.failed_task(undecoded("update", &input.name, &error)))
            }
            HandlerCall::Done(answer) => ended(answer),
            HandlerCall::Running(future) => WorkflowInterceptorFuture::new(self.body(future)),
        }
    }

    /// Fails the workflow task, as an update does that was accepted and then finds no handler for it.
    fn failed_task<T>(&self, failure: Box<Failure>) -> Result<T, Box<Failure>> {
        self.run.fail_task(failure.clone());
        Err(failure)
    }

    pub(super) fn query(
        &self,
        name: String,
        arguments: Vec<Payload>,
        headers: NamedPayloads,
    ) -> HandlerResult {
        let end = WorkflowNext::new(|input: HandleQueryInput| {
            match self.workflow.query(&input.name, &input.arguments) {
                HandlerCall::Done(answer) => answer,
                HandlerCall::Undecoded(error) => Err(undecoded("query", &input.name, &error)),
                HandlerCall::Unknown | HandlerCall::Running(_) => {
                    Err(unknown_query(self.definition, &input.name))
                }
            }
        });
        call_inbound(
            interceptors(&self.run),
            self.view(),
            HandleQueryInput { name, arguments, headers },
            |interceptor, context, input, next| interceptor.handle_query(context, input, next),
            end,
        )
    }

    pub(super) fn validate(
        &self,
        id: String,
        name: String,
        arguments: Vec<Payload>,
        headers: NamedPayloads,
    ) -> ValidationResult {
        let end = WorkflowNext::new(|input: ValidateUpdateInput| {
            match self.workflow.validate(&input.name, &input.arguments) {
                HandlerCall::Done(verdict) => verdict,
                HandlerCall::Undecoded(error) => Err(undecoded("update", &input.name, &error)),
                HandlerCall::Unknown | HandlerCall::Running(_) => {
                    Err(unknown_update(self.definition, &input.name))
                }
            }
        });
        call_inbound(
            interceptors(&self.run),
            self.view(),
            ValidateUpdateInput { id, name, arguments, headers },
            |interceptor, context, input, next| interceptor.validate_update(context, input, next),
            end,
        )
    }
}

fn ended<'a, T: 'a>(value: T) -> WorkflowInterceptorFuture<'a, T> {
    WorkflowInterceptorFuture::new(std::future::ready(value))
}

/// Polls the future of a call that arrives. What it waits for wakes it later, since a task of the executor begins awake.
pub(super) fn poll_once<T>(run: &RunState, future: &mut LocalFuture<T>) -> Poll<T> {
    run.is_applying_jobs.set(true);
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    run.is_applying_jobs.set(false);
    polled
}

/// The future of an async method.
struct Body<T> {
    run: Rc<RunState>,
    future: LocalFuture<T>,
}

impl<T> Future for Body<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if self.run.is_applying_jobs.get() { Poll::Pending } else { self.future.as_mut().poll(context) }
    }
}
