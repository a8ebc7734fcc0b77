//! The workflow of one run: takes the jobs of a workflow task, polls what they wake, and ends the run.

mod intercepted;

use std::rc::Rc;
use std::task::Poll;

use guest_sdk_types::{Failure, Payload, PayloadError};

use crate::bindings::workflow::host::activation::{
    ChildStartResolution, Job, NexusStartResolution, Query, Signal, Start, Task, Update,
};
use crate::bindings::workflow::host::log::Level;
use crate::bindings::workflow::host::types::Outcome;
use crate::convert::{from_named_payloads, from_payloads, payload, payloads};
use crate::convert_failure::failure;
use crate::error::{WorkflowResult, WorkflowTermination};
use crate::executor::{Executor, LocalFuture};
use crate::handlers::{Call, Kind, Running};
use crate::pending::{OperationKind, Resolution};
use crate::run_state::{RunState, TaskInfo};
use crate::workflow::{
    Definition, HandlerCall, HandlerResult, ValidationResult, Workflow, WorkflowType, known,
};
use crate::workflow_interceptors::{
    HandleSignalResult, WorkflowInterceptorConstructor, construct, has_interceptors,
};
use crate::{host, log, metadata, metrics, waiting_conditions};
use intercepted::{Intercepted, initialize, poll_once};

/// Names with this prefix are Temporal's own: no dynamic handler gets them.
const RESERVED_PREFIX: &str = "__temporal_";
/// How many signals were dropped because their arguments did not decode. Temporal's SDK for Go counts them under the same
/// name with the prefix `temporal_`, which is the host's.
const CORRUPTED_SIGNALS: &str = "corrupted_signals";

/// One run, from its first activation on.
pub(crate) struct WorkflowInstance {
    run: Rc<RunState>,
    workflow: Rc<dyn Workflow>,
    definition: &'static Definition,
    executor: Executor,
}

impl WorkflowInstance {
    /// Starts the workflow that the first job of the first task names. The other jobs stay in the task.
    pub(crate) fn start(
        types: &'static [WorkflowType],
        interceptors: &[WorkflowInterceptorConstructor],
        task: &mut Task,
    ) -> Result<Self, Box<Failure>> {
        if !matches!(task.jobs.first(), Some(Job::Start(_))) {
            return Err(task_failure("the first job of a run is not `start`"));
        }
        let Job::Start(Start { info, arguments }) = task.jobs.remove(0) else {
            return Err(task_failure("the first job of a run is not `start`"));
        };
        let named = types.iter().find(|known| known.definition.name == info.workflow_type);
        let Some(workflow_type) =
            named.or_else(|| types.iter().find(|known| known.definition.name.is_empty()))
        else {
            let known: Vec<&str> = types.iter().map(|known| known.definition.name).collect();
            return Err(task_failure(&format!(
                "there is no workflow type `{}` in this module; there are: {}",
                info.workflow_type,
                known.join(", ")
            )));
        };
        let run = RunState::new(info, TaskInfo::of(task));
        construct(&run, interceptors);
        let arguments = from_payloads(arguments);
        let definition = &workflow_type.definition;
        let refuse = |error| undecoded("workflow", &run.info.workflow_type, &error);
        let (workflow, main) = if has_interceptors(&run) {
            let headers = from_named_payloads(run.info.headers.clone());
            let workflow = initialize(&run, arguments.clone(), headers.clone(), workflow_type.start)?;
            let intercepted =
                Intercepted { run: Rc::clone(&run), workflow: Rc::clone(&workflow), definition };
            (workflow, intercepted.execute(arguments, headers))
        } else {
            let workflow = (workflow_type.start)(Rc::clone(&run), &arguments).map_err(refuse)?;
            let main = workflow.run(&arguments).map_err(refuse)?;
            (workflow, main)
        };
        let mut executor = Executor::default();
        let ending = Rc::clone(&run);
        executor.set_main(Box::pin(async move { end(&ending, main.await) }));
        Ok(Self { run, workflow, definition, executor })
    }

    /// Applies the jobs of a task, and polls until nothing can progress.
    pub(crate) fn activate(&mut self, task: Task) -> Result<(), Box<Failure>> {
        self.run.task.replace(TaskInfo::of(&task));
        for job in task.jobs {
            self.apply(job)?;
        }
        self.executor.run_until_stalled();
        self.run.take_task_failure().map_or(Ok(()), Err)
    }

    fn apply(&mut self, job: Job) -> Result<(), Box<Failure>> {
        let (key, resolution) = match job {
            Job::Start(_) => return Err(task_failure("the run was started before")),
            // The host draws from the new seed; the SDK keeps no copy.
            Job::UpdateRandomSeed => return Ok(()),
            Job::Signal(signal) => return self.signal(signal),
            Job::Update(update) => return self.update(update),
            Job::Cancel(reason) => {
                self.run.token.cancel_for((!reason.is_empty()).then_some(reason));
                return Ok(());
            }
            Job::TimerFired(seq) => ((OperationKind::Timer, seq), Resolution::TimerFired),
            Job::ActivityResolved(job) => {
                ((OperationKind::Activity, job.seq), Resolution::Activity(job.resolution))
            }
            Job::ChildWorkflowStartResolved(job) => {
                if !matches!(job.resolution, ChildStartResolution::Started(_)) {
                    self.run.pending.remove((OperationKind::Child, job.seq));
                }
                ((OperationKind::ChildStart, job.seq), Resolution::ChildStart(job.resolution))
            }
            Job::ChildWorkflowResolved(job) => {
                ((OperationKind::Child, job.seq), Resolution::Outcome(job.outcome))
            }
            Job::ExternalSignalResolved(job) => {
                ((OperationKind::ExternalSignal, job.seq), Resolution::Delivered(job.failure))
            }
            Job::ExternalCancelResolved(job) => {
                ((OperationKind::ExternalCancel, job.seq), Resolution::Delivered(job.failure))
            }
            Job::NexusStartResolved(job) => {
                if matches!(job.resolution, NexusStartResolution::Failed(_)) {
                    self.run.pending.remove((OperationKind::Nexus, job.seq));
                }
                ((OperationKind::NexusStart, job.seq), Resolution::NexusStart(job.resolution))
            }
            Job::NexusResolved(job) => ((OperationKind::Nexus, job.seq), Resolution::Outcome(job.outcome)),
        };
        if self.run.pending.resolve(key, resolution) {
            Ok(())
        } else {
            let (kind, seq) = key;
            Err(task_failure(&format!("a job answers {kind:?} {seq}, which is not pending in this run")))
        }
    }

    fn signal(&mut self, signal: Signal) -> Result<(), Box<Failure>> {
        let arguments = from_payloads(signal.arguments);
        let handler = Definition::find(self.definition.signals, &signal.name);
        let abandons = handler.is_some_and(|handler| handler.abandon);
        let call = Rc::new(Call::new(Kind::Signal, &signal.name).abandons(abandons));
        if self.intercepts(&signal.name) {
            let headers = from_named_payloads(signal.headers);
            let future = self.intercepted().signal(signal.name, arguments, headers);
            let run = Rc::clone(&self.run);
            self.begin(call, future, move |result: HandleSignalResult| {
                if let Err(failure) = result {
                    run.fail_task(failure);
                }
            });
            return Ok(());
        }
        match call.within(|| self.call_signal(&signal.name, &arguments)) {
            HandlerCall::Unknown => call.within(|| {
                deliver_without_method(&self.run, self.definition, signal.name, arguments);
            }),
            HandlerCall::Undecoded(error) if handler.is_some_and(|handler| handler.strict) => {
                return Err(undecoded("signal", &signal.name, &error));
            }
            HandlerCall::Undecoded(error) => drop_signal(&signal.name, &error),
            HandlerCall::Done(()) => {}
            HandlerCall::Running(future) => self.add_handler(call, future, |()| {}),
        }
        Ok(())
    }

    fn call_signal(&self, name: &str, arguments: &[Payload]) -> HandlerCall<()> {
        if is_reserved(name) { HandlerCall::Unknown } else { self.workflow.signal(name, arguments) }
    }

    fn update(&mut self, update: Update) -> Result<(), Box<Failure>> {
        let arguments = from_payloads(update.arguments);
        let id = update.protocol_instance_id;
        let handler = Definition::find(self.definition.updates, &update.name);
        let abandons = handler.is_some_and(|handler| handler.abandon);
        let update_id = (handler.is_some() && self.intercepts(&update.name)).then(|| update.id.clone());
        let call = Call::new(Kind::Update, &update.name).with_update_id(update.id).abandons(abandons);
        let call = Rc::new(call);
        if let Some(update_id) = update_id {
            let headers = from_named_payloads(update.headers);
            let future = self.intercepted().update(update_id, update.name, arguments, headers);
            self.begin(call, future, move |answer| complete_update(&id, answer));
            return Ok(());
        }
        match call.within(|| self.call_update(&update.name, &arguments)) {
            HandlerCall::Unknown => Err(unknown_update(self.definition, &update.name)),
            HandlerCall::Undecoded(error) => Err(undecoded("update", &update.name, &error)),
            HandlerCall::Done(answer) => {
                complete_update(&id, answer);
                Ok(())
            }
            HandlerCall::Running(future) => {
                self.add_handler(call, future, move |answer| complete_update(&id, answer));
                Ok(())
            }
        }
    }

    fn call_update(&self, name: &str, arguments: &[Payload]) -> HandlerCall<HandlerResult> {
        if is_reserved(name) { HandlerCall::Unknown } else { self.workflow.update(name, arguments) }
    }

    /// Whether the call of a handler goes through interceptors: not those that the name reserves for Temporal.
    fn intercepts(&self, name: &str) -> bool {
        has_interceptors(&self.run) && !is_reserved(name)
    }

    fn intercepted(&self) -> Intercepted {
        let (run, workflow) = (Rc::clone(&self.run), Rc::clone(&self.workflow));
        Intercepted { run, workflow, definition: self.definition }
    }

    /// Polls the future of a call through interceptors, which has the effects of a synchronous handler at once.
    fn begin<T: 'static>(
        &mut self,
        call: Rc<Call>,
        mut future: LocalFuture<T>,
        end: impl FnOnce(T) + 'static,
    ) {
        match call.within(|| poll_once(&self.run, &mut future)) {
            Poll::Ready(result) => end(result),
            Poll::Pending => self.add_handler(call, future, end),
        }
    }

    fn add_handler<T: 'static>(
        &mut self,
        call: Rc<Call>,
        future: LocalFuture<T>,
        end: impl FnOnce(T) + 'static,
    ) {
        self.run.running_handlers.add(&call);
        let run = Rc::clone(&self.run);
        let ended = Rc::clone(&call);
        self.executor.add_handler(Box::pin(Running::new(call, async move {
            end(future.await);
            run.running_handlers.remove(&ended);
            run.changed();
        })));
    }

    /// Answers a query. The host calls it on a copy of the guest that it discards afterwards.
    pub(crate) fn query(&self, query: Query) -> HandlerResult {
        if query.name == metadata::QUERY {
            let details = self.run.current_details.borrow();
            return Ok(metadata::answer(&self.run.info.workflow_type, self.definition, &details));
        }
        if query.name == waiting_conditions::QUERY {
            return Ok(self.run.waiting.answer());
        }
        let arguments = from_payloads(query.arguments);
        let call = Rc::new(Call::new(Kind::Query, &query.name));
        let is_known = Definition::find(self.definition.queries, &query.name).is_some();
        if is_known && self.intercepts(&query.name) {
            let headers = from_named_payloads(query.headers);
            return call.within(|| self.intercepted().query(query.name, arguments, headers));
        }
        match call.within(|| self.call_query(&query.name, &arguments)) {
            HandlerCall::Done(answer) => answer,
            HandlerCall::Undecoded(error) => Err(undecoded("query", &query.name, &error)),
            HandlerCall::Unknown | HandlerCall::Running(_) => {
                Err(unknown_query(self.definition, &query.name))
            }
        }
    }

    fn call_query(&self, name: &str, arguments: &[Payload]) -> HandlerCall<HandlerResult> {
        if is_reserved(name) { HandlerCall::Unknown } else { self.workflow.query(name, arguments) }
    }

    /// Validates an update. The failure is the reason of a rejection.
    pub(crate) fn validate(&self, update: Update) -> Result<(), Box<Failure>> {
        let arguments = from_payloads(update.arguments);
        let is_known = Definition::find(self.definition.updates, &update.name).is_some();
        let update_id = (is_known && self.intercepts(&update.name)).then(|| update.id.clone());
        let call = Rc::new(Call::new(Kind::Validator, &update.name).with_update_id(update.id));
        if let Some(update_id) = update_id {
            let headers = from_named_payloads(update.headers);
            return call.within(|| self.intercepted().validate(update_id, update.name, arguments, headers));
        }
        match call.within(|| self.call_validator(&update.name, &arguments)) {
            HandlerCall::Done(verdict) => verdict,
            HandlerCall::Undecoded(error) => Err(undecoded("update", &update.name, &error)),
            HandlerCall::Unknown | HandlerCall::Running(_) => {
                Err(unknown_update(self.definition, &update.name))
            }
        }
    }

    fn call_validator(&self, name: &str, arguments: &[Payload]) -> HandlerCall<ValidationResult> {
        if is_reserved(name) { HandlerCall::Unknown } else { self.workflow.validate(name, arguments) }
    }
}

fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED_PREFIX)
}

fn unknown_update(definition: &Definition, name: &str) -> Box<Failure> {
    let known = known(definition.updates);
    task_failure(&format!("update `{name}` has no handler; known updates: {known}"))
}

fn unknown_query(definition: &Definition, name: &str) -> Box<Failure> {
    let known = known(definition.queries);
    task_failure(&format!("query `{name}` has no handler; known queries: {known}"))
}

/// Passes a signal without a `#[signal]` method to the handler that the workflow set, or buffers it.
fn deliver_without_method(run: &RunState, definition: &Definition, name: String, arguments: Vec<Payload>) {
    let known_as = name.clone();
    match run.signals.deliver(name, arguments) {
        Ok(true) => {}
        Ok(false) => {
            let message = format!(
                "signal `{known_as}` has no handler: it is buffered until the workflow sets one; known signals: {}",
                known(definition.signals)
            );
            log::write(Level::Warn, module_path!(), message);
        }
        Err(error) => drop_signal(&known_as, &error),
    }
}

/// Goes on without a signal whose sender is at fault, as Temporal's SDKs do: no correction of the workflow can mend it.
fn drop_signal(name: &str, error: &PayloadError) {
    let message = format!("signal `{name}` is dropped: its arguments were not decoded: {error}");
    log::write(Level::Error, module_path!(), message);
    metrics::counter(CORRUPTED_SIGNALS, 1).attribute("signal_name", name).record();
}

/// Issues the command that ends the run.
fn end(run: &RunState, result: WorkflowResult<Payload>) {
    let unfinished = run.running_handlers.unfinished();
    if !unfinished.is_empty() {
        let message = format!(
            "the workflow ends while handlers run: {}; wait for `all_handlers_finished`, or mark them `abandon`",
            unfinished.join(", ")
        );
        log::write(Level::Warn, module_path!(), message);
    }
    match result {
        Ok(result) => host::workflow::complete(Some(&payload(result))),
        Err(WorkflowTermination::Cancelled { details }) => host::workflow::cancel(&payloads(details)),
        Err(WorkflowTermination::ContinueAsNew(request)) => host::workflow::continue_as_new(&request.0),
        // A workflow that fails with a cancellation after cancellation was requested ends as canceled.
        Err(WorkflowTermination::Failed(reason)) if run.token.is_cancelled() && reason.is_canceled() => {
            host::workflow::cancel(&[]);
        }
        Err(WorkflowTermination::Failed(reason)) => host::workflow::fail(&failure(*reason)),
        Err(WorkflowTermination::PayloadConversion(error)) => {
            run.fail_task(task_failure(&format!("value not converted: {error}")));
        }
    }
}

fn complete_update(id: &str, answer: HandlerResult) {
    let outcome = match answer {
        Ok(result) => Outcome::Completed(Some(payload(result))),
        Err(reason) => Outcome::Failed(failure(*reason)),
    };
    host::workflow::complete_update(id, &outcome);
}

fn undecoded(what: &str, name: &str, error: &PayloadError) -> Box<Failure> {
    task_failure(&format!("arguments of {what} `{name}` not decoded: {error}"))
}

fn task_failure(message: &str) -> Box<Failure> {
    Box::new(Failure::application("", message).build())
}
