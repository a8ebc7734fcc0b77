//! One run: its state machines, its guest, and the loop between them.
//!
//! Synchronous: it is moved to a sandbox thread, advanced there, and moved back. A replay of a thousand
//! tasks does not leave that thread. What goes to the service, and when, is left to the caller.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use host_core::{
    Activation, Command, CommandOrigin, Completion, Job, LocalActivityRequests, LocalActivityResult, Run,
    RunConfig, Start, Step, Task, UpdateValidation,
};
use host_sandbox::{Frame, Instance, RunInit};
use host_wire::{
    positive_duration_from_proto,
    temporal::api::{
        deployment::v1::WorkerDeploymentVersion,
        query::v1::{WorkflowQuery, WorkflowQueryResult},
    },
};

use super::{
    activation_log,
    disposable::{self, UpdateVerdict, Validation},
    failure::RunFailure,
    log::RunLog,
    payload_limit,
    stack::{self, Trace},
};
use crate::{
    config::DEFAULT_WORKFLOW_TASK_TIMEOUT,
    convert::{self, Defaults, RunIdentity},
    modules::LoadedModule,
    workflow::query_result,
};

/// What a run needs from its caller to go on.
#[derive(Debug)]
#[must_use]
pub enum Advance {
    /// More history: answer with [`RunDriver::feed`].
    NeedEvents,
    /// Local activities to start and to cancel: answer each with
    /// [`RunDriver::local_activity_resolved`] as it ends.
    LocalActivities(LocalActivityRequests),
    /// The task is done: `RespondWorkflowTaskCompleted`. When that fails, or its fate is not known, drop
    /// the run.
    Respond(Box<Completion>),
    /// The query is answered: `RespondQueryTaskCompleted`.
    RespondQuery(Box<WorkflowQueryResult>),
    /// The guest has no copy, so it answered a validator of an update itself, and takes no jobs any more: work on
    /// the task again with a new run and [`RunDriver::with_verdicts`].
    Validated(Box<UpdateVerdict>),
    /// Nothing: the task is answered, local activities run, or a replay is at its end.
    Idle,
}

/// A run and its guest. Drop it after the first [`RunFailure`].
#[derive(Debug)]
pub struct RunDriver {
    core: Run,
    module: Arc<LoadedModule>,
    identity: RunIdentity,
    /// Made by the first activation, which brings the seed.
    guest: Option<Guest>,
    activations: u64,
    /// The guest answered a query, and may remember it.
    tainted: bool,
    /// Verdicts on updates that the guest of an earlier driver gave.
    verdicts: Vec<UpdateVerdict>,
    /// Hashes of the guest's state after each activation, where they are wanted.
    state_hashes: Option<Vec<StateHash>>,
    /// What a query for the stack needs to know of the whole run.
    trace: Option<Trace>,
}

/// SHA-256 of a guest's state: memory, globals, and what the host keeps for it.
pub type StateHash = [u8; 32];

#[derive(Debug)]
struct Guest {
    instance: Instance,
    defaults: Defaults,
    task_timeout: Option<Duration>,
}

impl RunDriver {
    /// A run of which nothing has been fed yet. The build id of the version in the configuration becomes that
    /// of the module: the guest sees it, live as in replays, where it comes from history.
    #[must_use]
    pub fn new(module: Arc<LoadedModule>, identity: RunIdentity, config: RunConfig) -> Self {
        let deployment = config.version.as_ref().map(|version| version.deployment_name.clone());
        let version = WorkerDeploymentVersion {
            deployment_name: deployment.unwrap_or_default(),
            build_id: module.build_id(),
        };
        let core = Run::new(RunConfig { version: Some(Arc::new(version)), ..config });
        Self {
            core,
            module,
            identity,
            guest: None,
            activations: 0,
            tainted: false,
            verdicts: Vec::new(),
            state_hashes: None,
            trace: None,
        }
    }

    /// Does not ask the guest about these updates.
    #[must_use]
    pub fn with_verdicts(self, verdicts: Vec<UpdateVerdict>) -> Self {
        Self { verdicts, ..self }
    }

    /// Keeps a hash of the guest's state after every activation.
    #[must_use]
    pub fn recording_states(self) -> Self {
        Self { state_hashes: Some(Vec::new()), ..self }
    }

    /// Records what answers a query for the stack, `__stack_trace`: from the start of the run on.
    #[must_use]
    pub fn tracing(self) -> Self {
        Self { trace: Some(Trace::default()), ..self }
    }

    /// Drops the record of [`RunDriver::tracing`].
    pub fn stop_tracing(&mut self) {
        self.trace = None;
    }

    /// A task was polled for the run. Before its history is fed.
    ///
    /// # Errors
    ///
    /// When the last one is not answered yet.
    pub fn start_task(&mut self, task: Task) -> Result<(), RunFailure> {
        Ok(self.core.start_task(task)?)
    }

    /// More history: encoded events, in order. Those that are known are dropped.
    pub fn feed(&mut self, events: Vec<Bytes>, last_page: bool) {
        self.core.feed(events, last_page);
    }

    /// A local activity is over.
    ///
    /// # Errors
    ///
    /// When the run has failed before.
    pub fn local_activity_resolved(&mut self, result: LocalActivityResult) -> Result<(), RunFailure> {
        Ok(self.core.local_activity_resolved(result)?)
    }

    /// The task is about to time out while local activities run: answers it, and asks for another one.
    pub fn heartbeat(&mut self) {
        self.core.heartbeat();
    }

    /// Goes on until the caller is needed. Takes as long as the guest does: for sandbox threads only.
    ///
    /// # Errors
    ///
    /// When the guest fails, or does not match the history.
    pub fn advance(&mut self) -> Result<Advance, RunFailure> {
        loop {
            match self.core.next_step()? {
                Step::Activate(activation) => {
                    let commands = self.activate(activation)?;
                    self.core.activated(commands)?;
                }
                Step::Query(query) => {
                    let answer = self.answer(query.query)?;
                    self.core.answered(answer)?;
                }
                Step::ValidateUpdate(validation) => match self.validate(*validation)? {
                    Validation::ByCopy(verdict) => self.core.validated(verdict)?,
                    Validation::ByGuest(verdict) => {
                        self.tainted = true;
                        return Ok(Advance::Validated(Box::new(verdict)));
                    }
                },
                Step::NeedEvents => return Ok(Advance::NeedEvents),
                Step::LocalActivities(requests) => return Ok(Advance::LocalActivities(requests)),
                Step::Respond(mut completion) => {
                    payload_limit::fit_completion(&mut completion)?;
                    return Ok(Advance::Respond(completion));
                }
                Step::RespondQuery(answer) => return Ok(Advance::RespondQuery(answer)),
                Step::Idle => return Ok(Advance::Idle),
            }
        }
    }

    /// The calls in the guest that led to a command of the history that was fed, innermost first. Empty if the guest does
    /// not get there.
    ///
    /// # Errors
    ///
    /// As [`RunDriver::advance`].
    pub fn calls_to_command(mut self, origin: CommandOrigin) -> Result<Vec<Frame>, RunFailure> {
        loop {
            match self.core.next_step()? {
                Step::Activate(activation) if self.activations + 1 == origin.activation => {
                    let guest = guest(&mut self.guest, &self.module, &self.identity, &activation)?;
                    let (task, circumstances) = convert::activation_to_guest(activation, &self.identity);
                    return Ok(guest.instance.calls_to_command(&task, circumstances, origin.index)?);
                }
                Step::Activate(activation) => {
                    let commands = self.activate(activation)?;
                    self.core.activated(commands)?;
                }
                // A replay responds to nothing.
                Step::LocalActivities(_) | Step::Respond(_) => {}
                Step::Query(_)
                | Step::ValidateUpdate(_)
                | Step::NeedEvents
                | Step::RespondQuery(_)
                | Step::Idle => return Ok(Vec::new()),
            }
        }
    }

    /// Whether the run has to be dropped once its task is answered, because its guest may remember
    /// what no replay has.
    #[must_use]
    pub fn must_evict(&self) -> bool {
        self.tainted
    }

    /// Whether the guest ended the run.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.core.is_ended()
    }

    /// Whether [`Advance::Idle`] means that the task waits for local activities.
    #[must_use]
    pub fn awaits_local_activities(&self) -> bool {
        self.core.awaits_local_activities()
    }

    /// The timeout of the run's workflow tasks.
    #[must_use]
    pub fn task_timeout(&self) -> Duration {
        self.guest.as_ref().and_then(|guest| guest.task_timeout).unwrap_or(DEFAULT_WORKFLOW_TASK_TIMEOUT)
    }

    /// The module that executes it.
    #[must_use]
    pub fn module(&self) -> &Arc<LoadedModule> {
        &self.module
    }

    /// The names of the run.
    #[must_use]
    pub fn identity(&self) -> &RunIdentity {
        &self.identity
    }

    /// Calls into the guest so far.
    #[must_use]
    pub fn activations(&self) -> u64 {
        self.activations
    }

    /// What [`RunDriver::recording_states`] kept: one hash per activation.
    #[must_use]
    pub fn state_hashes(&self) -> &[StateHash] {
        self.state_hashes.as_deref().unwrap_or_default()
    }

    /// About how many bytes it takes to keep the guest: [`Instance::memory_bytes`].
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.guest.as_ref().map_or(0, |guest| guest.instance.memory_bytes())
    }

    /// Activates the guest, and returns its commands. For callers that drive the guest with another
    /// workflow core: they call this and never [`RunDriver::advance`].
    ///
    /// # Errors
    ///
    /// When the guest fails, or asks for something that the protocol cannot express.
    pub fn activate(&mut self, activation: Activation) -> Result<Vec<Command>, RunFailure> {
        let replaying = activation.is_replaying;
        let guest = guest(&mut self.guest, &self.module, &self.identity, &activation)?;
        self.activations += 1;
        let seed = match activation.jobs.first() {
            Some(Job::Start(start)) => Some(start.seed),
            _ => None,
        };
        let (task, circumstances) = convert::activation_to_guest(activation, &self.identity);
        activation_log::write(&self.identity, self.activations, seed, &task, &circumstances);
        if let Some(trace) = &mut self.trace {
            trace.give(&task, &circumstances, seed);
        }
        let commands = guest.instance.activate(&task, circumstances)?;
        if let Some(trace) = &mut self.trace {
            trace.answered(&commands);
        }
        if let Some(hashes) = &mut self.state_hashes {
            hashes.push(guest.instance.state_hash()?);
        }
        let mut converted = Vec::with_capacity(commands.len());
        for command in commands {
            let Some(command) = convert::command_to_core(command, &guest.defaults)? else { continue };
            if !replaying {
                payload_limit::check_command(&command)?;
            }
            converted.push(command);
        }
        Ok(converted)
    }

    fn answer(&mut self, query: WorkflowQuery) -> Result<WorkflowQueryResult, RunFailure> {
        let Some(guest) = &mut self.guest else {
            return Ok(query_result::failed("the run has not started yet".to_owned()));
        };
        if let Some(form) = stack::Form::of(&query.query_type) {
            return disposable::stack(&self.module, self.trace.as_ref(), form);
        }
        let log = run_log(&self.identity, &guest.defaults);
        let answer = disposable::query(&mut guest.instance, query, log)?;
        self.tainted |= answer.tainted;
        Ok(answer.result)
    }

    fn validate(&mut self, validation: UpdateValidation) -> Result<Validation, RunFailure> {
        let update = &validation.update;
        let known = |verdict: &UpdateVerdict| verdict.protocol_instance_id == update.protocol_instance_id;
        if let Some(known) = self.verdicts.iter().find(|verdict| known(verdict)) {
            return Ok(Validation::ByCopy(known.verdict.clone()));
        }
        let guest = match &validation.preceding {
            Some(preceding) => guest(&mut self.guest, &self.module, &self.identity, preceding)?,
            None => self.guest.as_mut().ok_or(RunFailure::NotStarted)?,
        };
        let name = update.request.input.as_ref().map_or("", |input| &*input.name);
        if self.module.accepts_every_update(&guest.defaults.workflow_type, name) {
            return Ok(Validation::ByCopy(Ok(())));
        }
        disposable::validate(&mut guest.instance, &self.identity, validation)
    }
}

/// The guest of a run; made now if this is the first activation, which brings the seed.
fn guest<'g>(
    guest: &'g mut Option<Guest>,
    module: &LoadedModule,
    identity: &RunIdentity,
    activation: &Activation,
) -> Result<&'g mut Guest, RunFailure> {
    match guest {
        Some(guest) => Ok(guest),
        none => Ok(none.insert(instantiate(module, identity, activation)?)),
    }
}

fn instantiate(
    module: &LoadedModule,
    identity: &RunIdentity,
    activation: &Activation,
) -> Result<Guest, RunFailure> {
    let Some(Job::Start(start)) = activation.jobs.first() else { return Err(RunFailure::NotStarted) };
    let defaults = defaults(identity, start);
    if module.definition(&defaults.workflow_type).is_none() {
        let known = module.types().map(str::to_owned).collect();
        return Err(RunFailure::UnknownType { workflow_type: defaults.workflow_type, known });
    }
    let log = run_log(identity, &defaults);
    let init = RunInit { random_seed: start.seed, sink: Box::new(log) };
    let instance = module.sandbox().instantiate(init)?;
    let task_timeout = positive_duration_from_proto(start.attributes.workflow_task_timeout);
    Ok(Guest { instance, defaults, task_timeout })
}

fn defaults(identity: &RunIdentity, start: &Start) -> Defaults {
    let attributes = &start.attributes;
    Defaults {
        namespace: identity.namespace.clone(),
        task_queue: attributes.task_queue.as_ref().map(|queue| queue.name.clone()).unwrap_or_default(),
        workflow_type: attributes
            .workflow_type
            .as_ref()
            .map(|r#type| r#type.name.clone())
            .unwrap_or_default(),
    }
}

fn run_log(identity: &RunIdentity, defaults: &Defaults) -> RunLog {
    RunLog {
        namespace: defaults.namespace.clone(),
        task_queue: defaults.task_queue.clone(),
        workflow_type: defaults.workflow_type.clone(),
        workflow_id: identity.workflow_id.clone(),
        run_id: identity.run_id.clone(),
    }
}
