//! The state machines of a run: all that it has asked for, or was asked for, and has not heard the end of,
//! and the jobs that they make. `replay` gives them events, `record` gives them the guest's commands.

use host_wire::temporal::api::{command::v1 as wire_command, enums::v1::CommandType, protocol::v1::Message};

use crate::{
    api::{LocalActivityRequests, LocalActivityResult, Rejection},
    error::Error,
    history::Position,
    job::{Job, Update},
    local_activity_queue::LocalActivityQueue,
    operation::{Counter, OperationId},
    operations::{
        continue_as_new::Inheritance,
        local_activity::Resolution,
        update::{self, UpdateRequest},
    },
};
use known_patches::KnownPatches;
use open::OpenOperations;
use updates::Updates;

mod known_patches;
mod open;
pub(crate) mod record;
pub(crate) mod replay;
mod updates;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Machines {
    open: OpenOperations,
    local_activities: LocalActivityQueue,
    updates: Updates,
    patches: KnownPatches,
    inheritance: Inheritance,
    /// For the next activation.
    jobs: Vec<Job>,
    /// The guest has ended the run.
    has_ended: bool,
    /// How often the guest answered.
    activations: u64,
}

/// The next step of an activation that has jobs.
#[derive(Debug)]
pub(crate) enum NextActivation {
    /// A copy of the guest looks at this update first.
    Validate {
        /// Place of the update among the jobs.
        job: usize,
        /// Name, arguments and headers of the update.
        update: Box<Update>,
        /// The jobs before it.
        preceding: Vec<Job>,
    },
    /// The guest is activated.
    Activate {
        /// What happened, in order.
        jobs: Vec<Job>,
        /// Patches that history says the run took.
        patches: Vec<String>,
    },
}

impl Machines {
    /// Takes a request to update, from a message of a polled task or from history.
    pub(crate) fn request_update(&mut self, request: UpdateRequest) {
        self.updates.request(request);
    }

    /// Whether the guest has ended the run.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether there are jobs for the guest.
    pub(crate) fn has_jobs(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Drops the jobs of a run whose end is in history: the guest ended it before it could be told of them.
    pub(crate) fn drop_jobs(&mut self) {
        self.jobs.clear();
    }

    /// Patches that history says the run took, not announced yet.
    pub(crate) fn unannounced_patches(&self) -> &[String] {
        self.patches.unannounced()
    }

    /// The next activation: first the copies that look at updates, then the guest itself.
    pub(crate) fn next_activation(&mut self) -> NextActivation {
        self.jobs.sort_by_key(Job::rank);
        for (index, job) in self.jobs.iter().enumerate() {
            let Job::Update(update) = job else { continue };
            let id = self.updates.get(&update.protocol_instance_id);
            let machine = id.and_then(|id| self.open.update(id));
            if machine.is_some_and(|machine| machine.needs_validation()) {
                let update = update.clone();
                let preceding = self.jobs[..index].to_vec();
                return NextActivation::Validate { job: index, update, preceding };
            }
        }
        let jobs = std::mem::take(&mut self.jobs);
        self.updates.start(&jobs);
        self.local_activities.begin_activation();
        NextActivation::Activate { jobs, patches: self.patches.announce() }
    }

    /// Takes the verdict on the update at this place among the jobs.
    pub(crate) fn settle_update(&mut self, job: usize, verdict: Result<(), Rejection>) {
        let Some(Job::Update(update)) = self.jobs.get(job) else {
            return;
        };
        let Some(id) = self.updates.get(&update.protocol_instance_id) else {
            return;
        };
        match verdict {
            Ok(()) => {
                if let Some(machine) = self.open.update(id) {
                    machine.set_valid();
                }
            }
            Err(failure) => {
                self.updates.end(&update.protocol_instance_id);
                self.jobs.remove(job);
                if let Some(machine) = self.open.take_update(id) {
                    self.updates.send(machine.reject(*failure));
                }
            }
        }
    }

    /// Takes the local activities that the worker has to start and to cancel.
    pub(crate) fn take_local_activity_requests(&mut self) -> Option<LocalActivityRequests> {
        self.local_activities.take_requests()
    }

    /// Whether the workflow task cannot be completed yet on account of local activities.
    pub(crate) fn awaits_local_activities(&self) -> bool {
        self.local_activities.are_outstanding()
    }

    /// Takes the end of a local activity that the worker ran. It is applied by
    /// [`Self::take_local_activity_answers`].
    pub(crate) fn answer_local_activity(&mut self, result: LocalActivityResult) {
        self.local_activities.answer(result);
    }

    /// Resolves the local activities that the worker has run.
    ///
    /// # Errors
    ///
    /// When one was resolved by a marker before.
    pub(crate) fn take_local_activity_answers(&mut self, position: &mut Position) -> Result<(), Error> {
        for result in self.local_activities.take_answered() {
            let seq = result.seq;
            self.local_activities.end(seq);
            let index = self.local_activities.activation_index();
            let Some(machine) = self.open.local_activity(seq) else {
                continue;
            };
            let resolution = machine.resolution(result, index);
            self.resolve_local_activity(seq, resolution, false, position)?;
        }
        Ok(())
    }

    /// Takes the commands that were not sent yet, in order.
    pub(crate) fn take_commands(&mut self) -> Vec<wire_command::Command> {
        self.open.take_commands()
    }

    /// Takes the messages about updates that were not sent yet.
    pub(crate) fn take_messages(&mut self) -> Vec<Message> {
        self.updates.take_messages()
    }

    /// Applies what markers say without waiting for a later activation, if there are no jobs that would make
    /// one.
    ///
    /// # Errors
    ///
    /// When a marker is of a local activity that runs.
    pub(crate) fn release_found_if_idle(&mut self, position: &mut Position) -> Result<(), Error> {
        if self.jobs.is_empty() {
            self.apply_found_local_activities(true, position)?;
        }
        Ok(())
    }

    /// Applies what markers say, up to the first one whose activity is not scheduled yet, or which,
    /// unless told otherwise, belongs to a later activation.
    fn apply_found_local_activities(
        &mut self,
        include_held: bool,
        position: &mut Position,
    ) -> Result<(), Error> {
        while let Some(seq) = self.local_activities.next_found(include_held) {
            if self.open.local_activity(seq).is_none() {
                break;
            }
            if let Some(found) = self.local_activities.take_found(seq) {
                self.resolve_local_activity(seq, found, true, position)?;
            }
        }
        Ok(())
    }

    fn resolve_local_activity(
        &mut self,
        seq: u32,
        resolution: Resolution,
        is_marker: bool,
        position: &mut Position,
    ) -> Result<(), Error> {
        let Some(machine) = self.open.local_activity(seq) else {
            return Ok(());
        };
        let resolved = machine.resolve(resolution, is_marker, &mut self.jobs)?;
        if resolved.records_marker {
            let id = OperationId { counter: Counter::Activity, number: seq };
            self.open.push_command(id, CommandType::RecordMarker);
        }
        if let Some(time) = resolved.time {
            position.advance_time(time);
        }
        Ok(())
    }

    /// Makes the job for an update, and its machine.
    fn begin_update(&mut self, request: UpdateRequest, is_replaying: bool) {
        let instance = request.protocol_instance_id().to_owned();
        // The service may send a request again that the guest has; its handler runs once.
        if self.updates.get(&instance).is_some() {
            return;
        }
        self.jobs.push(Job::Update(Box::new(request.update())));
        let id = self.open.begin_own(update::Update::new(request, is_replaying));
        self.updates.begin(instance, id);
    }
}
