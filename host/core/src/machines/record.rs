//! Records the guest's commands: turns them into operations, to be sent or compared with history.

use host_wire::temporal::api::{common::v1::SearchAttributes, enums::v1::CommandType};

use super::Machines;
use crate::{
    command::{self, Command},
    error::{CommandOrigin, Error},
    history::{Flag, Position},
    job::Outcome,
    operation::{Cancelled, Counter, OneWay, OperationId},
    operations::{
        AnyOperation, activity::Activity, cancel::Cancel, cancel_external::CancelExternal,
        child_workflow::ChildWorkflow, complete::Complete, continue_as_new::ContinueAsNew, fail::Fail,
        local_activity::LocalActivity, nexus::Nexus, patch::Patch, signal_external::SignalExternal,
        timer::Timer, upsert_memo::UpsertMemo, upsert_search_attributes::UpsertSearchAttributes,
    },
};

/// Takes what the guest asked for in an activation.
///
/// # Errors
///
/// When it asked for something that cannot be, or a marker contradicts it.
pub(crate) fn record(
    commands: Vec<Command>,
    machines: &mut Machines,
    position: &mut Position,
) -> Result<(), Error> {
    let mut recorder = Recorder { machines, position };
    recorder.accept_started_updates();
    recorder.record_all(commands)?;
    machines.apply_found_local_activities(false, position)?;
    machines.release_found_if_idle(position)?;
    machines.open.drop_unsent();
    Ok(())
}

#[derive(Debug)]
struct Recorder<'r> {
    machines: &'r mut Machines,
    position: &'r mut Position,
}

impl Recorder<'_> {
    /// Acceptances come before everything that the handlers, or anything else in the activation, ask for.
    fn accept_started_updates(&mut self) {
        let Machines { updates, open, .. } = &mut *self.machines;
        for id in updates.take_started() {
            if let Some(update) = open.update(id) {
                let message = update.accept();
                if !self.position.is_replaying() {
                    updates.send(message);
                }
                open.push_command(id, CommandType::ProtocolMessage);
            }
        }
    }

    /// All commands that do not end the run, then the first one that does. By the old rule, everything up to that
    /// one.
    fn record_all(&mut self, commands: Vec<Command>) -> Result<(), Error> {
        self.machines.activations += 1;
        let mut end = None;
        for (index, command) in commands.into_iter().enumerate() {
            if !command.is_terminal() {
                self.record(index, command)?;
                continue;
            }
            if end.is_none() {
                end = Some((index, command));
            }
            let moves_to_end =
                self.position.holds(Flag::MovesTerminalCommands, false) || !self.position.is_replaying();
            if !moves_to_end {
                break;
            }
        }
        if let Some((index, end)) = end {
            self.record(index, end)?;
        }
        self.machines.open.set_origin(None);
        Ok(())
    }

    fn record(&mut self, index: usize, command: Command) -> Result<(), Error> {
        let activation = self.machines.activations;
        self.machines.open.set_origin(Some(CommandOrigin { activation, index }));
        let open = &mut self.machines.open;
        match command {
            Command::ScheduleActivity { seq, attributes, cancellation, user_metadata } => {
                let activity = Activity::new(seq, attributes, cancellation, user_metadata);
                open.begin(Counter::Activity, seq, activity)
            }
            Command::ScheduleLocalActivity { seq, activity } => self.schedule_local_activity(seq, activity),
            Command::StartTimer { seq, start_to_fire_timeout, user_metadata } => {
                open.begin(Counter::Timer, seq, Timer::new(seq, start_to_fire_timeout, user_metadata))
            }
            Command::StartChildWorkflow { seq, attributes, cancellation, user_metadata } => {
                let child = ChildWorkflow::new(seq, attributes, cancellation, user_metadata);
                open.begin(Counter::ChildWorkflow, seq, child)
            }
            Command::SignalExternalWorkflow { seq, attributes, user_metadata } => {
                let signal = SignalExternal::new(seq, attributes, user_metadata);
                open.begin(Counter::SignalExternal, seq, signal)
            }
            Command::RequestCancelExternalWorkflow { seq, attributes } => {
                let request = CancelExternal::new(seq, attributes, &self.position.config().run_id);
                open.begin(Counter::CancelExternal, seq, request)
            }
            Command::ScheduleNexusOperation { seq, attributes, cancellation, user_metadata } => {
                let operation = Nexus::new(seq, attributes, cancellation, user_metadata);
                open.begin(Counter::Nexus, seq, operation)
            }
            Command::CancelActivity { seq } => self.cancel(Counter::Activity, seq, String::new()),
            Command::CancelTimer { seq } => self.cancel(Counter::Timer, seq, String::new()),
            Command::CancelChildWorkflow { seq, reason } => self.cancel(Counter::ChildWorkflow, seq, reason),
            Command::CancelSignalExternalWorkflow { seq } => {
                self.cancel(Counter::SignalExternal, seq, String::new())
            }
            Command::CancelNexusOperation { seq } => self.cancel(Counter::Nexus, seq, String::new()),
            Command::CompleteUpdate { protocol_instance_id, outcome } => {
                self.complete_update(&protocol_instance_id, outcome)
            }
            Command::SetPatchMarker { patch_id, deprecated } => {
                self.set_patch_marker(patch_id, deprecated);
                Ok(())
            }
            Command::UpsertSearchAttributes(search_attributes) => {
                self.upsert_search_attributes(search_attributes);
                Ok(())
            }
            Command::UpsertMemo(memo) => {
                open.begin_own(UpsertMemo::new(memo));
                Ok(())
            }
            Command::CompleteWorkflow(attributes) => self.end(Complete::new(attributes)),
            Command::FailWorkflow(attributes) => self.end(Fail::new(attributes)),
            Command::CancelWorkflow(attributes) => self.end(Cancel::new(attributes)),
            Command::ContinueAsNew(attributes) => {
                let end = ContinueAsNew::new(attributes, &self.machines.inheritance);
                self.end(end)
            }
        }
    }

    fn schedule_local_activity(
        &mut self,
        seq: u32,
        activity: Box<command::LocalActivity>,
    ) -> Result<(), Error> {
        let Machines { open, local_activities, .. } = &mut *self.machines;
        let is_replaying = self.position.is_replaying();
        let machine = LocalActivity::new(seq, activity, is_replaying, self.position.time());
        if is_replaying {
            open.begin(Counter::Activity, seq, machine)?;
            local_activities.replay(seq);
        } else {
            let request = machine.activity().clone();
            open.begin(Counter::Activity, seq, machine)?;
            local_activities.start(seq, request);
        }
        Ok(())
    }

    /// Cancels an operation, unless it is closed.
    fn cancel(&mut self, counter: Counter, seq: u32, reason: String) -> Result<(), Error> {
        let id = OperationId { counter, number: seq };
        let Machines { open, jobs, .. } = &mut *self.machines;
        match open.cancel(id, reason, jobs)? {
            Cancelled::Nothing => {}
            Cancelled::Command(command) => open.push_command(id, command),
            Cancelled::Child(request) => {
                open.begin_own(CancelExternal::of_child(request));
            }
            Cancelled::ResolveLocal { and_stop } => self.resolve_local_activity(seq, and_stop)?,
            Cancelled::StopLocal => self.stop_local_activity(seq)?,
        }
        Ok(())
    }

    /// Resolves a local activity as cancelled, without waiting for the worker.
    fn resolve_local_activity(&mut self, seq: u32, and_stop: bool) -> Result<(), Error> {
        let queue = &mut self.machines.local_activities;
        if !queue.withdraw(seq) && and_stop {
            queue.stop(seq);
        }
        if !and_stop {
            queue.end(seq);
        }
        self.cancel_local_activity(seq)
    }

    /// Stops a local activity if the worker runs it, and resolves it if its end is known.
    fn stop_local_activity(&mut self, seq: u32) -> Result<(), Error> {
        let queue = &mut self.machines.local_activities;
        // A resolution that belongs to a later activation waits for it.
        if queue.has_held(seq) {
            return Ok(());
        }
        if let Some(found) = queue.take_found(seq) {
            self.machines.resolve_local_activity(seq, found, true, self.position)
        } else if queue.withdraw(seq) {
            self.cancel_local_activity(seq)
        } else {
            queue.stop(seq);
            Ok(())
        }
    }

    fn cancel_local_activity(&mut self, seq: u32) -> Result<(), Error> {
        let index = self.machines.local_activities.activation_index();
        let Some(activity) = self.machines.open.local_activity(seq) else {
            return Ok(());
        };
        let cancelled = activity.cancelled(index);
        self.machines.resolve_local_activity(seq, cancelled, false, self.position)
    }

    fn complete_update(&mut self, protocol_instance_id: &str, outcome: Outcome) -> Result<(), Error> {
        let Machines { updates, open, .. } = &mut *self.machines;
        let id = updates.end(protocol_instance_id);
        let update = id.and_then(|id| open.update(id));
        let (Some(id), Some(update)) = (id, update) else {
            return Err(Error::guest(format!(
                "update {protocol_instance_id} is completed, which is not running"
            )));
        };
        let message = update.complete(outcome)?;
        if !self.position.is_replaying() {
            updates.send(message);
        }
        open.push_command(id, CommandType::ProtocolMessage);
        Ok(())
    }

    fn set_patch_marker(&mut self, patch_id: String, deprecated: bool) {
        let Machines { patches, open, .. } = &mut *self.machines;
        let was_found = patches.is_found(&patch_id);
        if !patches.ask(&patch_id) {
            return;
        }
        open.begin_own(Patch::new(patch_id, deprecated));
        let is_replaying = self.position.is_replaying();
        // In replay without a marker nothing was upserted either.
        let was_upserted = !is_replaying || was_found;
        if was_upserted
            && self.position.holds(Flag::UpsertsSearchAttributeOnPatch, !is_replaying)
            && let Some(search_attributes) = patches.search_attributes()
        {
            open.begin_own(UpsertSearchAttributes::list_of_patches(search_attributes));
        }
    }

    fn upsert_search_attributes(&mut self, search_attributes: SearchAttributes) {
        let Machines { inheritance, open, .. } = &mut *self.machines;
        inheritance.upsert(&search_attributes);
        let is_new = !self.position.is_replaying();
        let core_lists_patches = self.position.holds(Flag::UpsertsSearchAttributeOnPatch, is_new);
        open.begin_own(UpsertSearchAttributes::new(search_attributes, core_lists_patches));
    }

    /// The guest ends the run.
    #[expect(clippy::unnecessary_wraps, reason = "one of the arms of `record`")]
    fn end<O: OneWay + Into<AnyOperation>>(&mut self, end: O) -> Result<(), Error> {
        self.machines.has_ended = true;
        self.machines.local_activities.end_run();
        self.machines.open.begin_own(end);
        Ok(())
    }
}
