//! Commands of the guest to operations: what is kept to be sent, or compared with history.

use host_wire::temporal::api::{
    command::v1::{ContinueAsNewWorkflowExecutionCommandAttributes, command::Attributes},
    common::v1::SearchAttributes,
    enums::v1::CommandType,
};

use crate::{
    activities::Activity,
    child_workflows::ChildWorkflow,
    command::Command,
    error::Error,
    external_workflows::{ExternalCancel, ExternalSignal},
    flags::Flag,
    job::Job,
    local_activities::{LocalActivityMachine, LocalCancel, Resolution},
    nexus::NexusOperation,
    one_way::OneWay,
    operations::{Cancelled, Context, OperationId},
    patches::{CHANGE_VERSION, PatchMarker},
    run::Run,
    step::Rejection,
    timers::Timer,
    updates::{UpdateMachine, UpdateRequest},
};

impl Run {
    /// Takes what the guest asked for in an activation.
    pub(crate) fn issue(&mut self, commands: Vec<Command>) -> Result<(), Error> {
        self.accept_starting_updates();
        for command in self.order(commands) {
            self.issue_one(command)?;
        }
        self.apply_found_local_activities(false)?;
        self.release_found_if_idle()?;
        self.operations.drop_unsent();
        Ok(())
    }

    /// All commands that do not end the run, then the first one that does. By the old rule, everything
    /// up to that one.
    fn order(&self, mut commands: Vec<Command>) -> Vec<Command> {
        let Some(first) = commands.iter().position(Command::is_terminal) else {
            return commands;
        };
        if self.flags.holds(Flag::MovesTerminalCommands, false, &self.config) || !self.is_replaying {
            let end = commands.remove(first);
            commands.retain(|command| !command.is_terminal());
            commands.push(end);
        } else {
            commands.truncate(first + 1);
        }
        commands
    }

    fn issue_one(&mut self, command: Command) -> Result<(), Error> {
        match command {
            Command::ScheduleActivity { .. }
            | Command::ScheduleLocalActivity { .. }
            | Command::StartTimer { .. }
            | Command::StartChildWorkflow { .. }
            | Command::SignalExternalWorkflow { .. }
            | Command::RequestCancelExternalWorkflow { .. }
            | Command::ScheduleNexusOperation { .. } => self.begin(command),
            Command::CancelActivity { .. }
            | Command::CancelTimer { .. }
            | Command::CancelChildWorkflow { .. }
            | Command::CancelSignalExternalWorkflow { .. }
            | Command::CancelNexusOperation { .. } => self.cancel(command),
            Command::SetPatchMarker { patch_id, deprecated } => {
                self.set_patch_marker(patch_id, deprecated);
                Ok(())
            }
            Command::UpsertSearchAttributes(search_attributes) => {
                self.upsert_search_attributes(search_attributes);
                Ok(())
            }
            Command::UpsertMemo(memo) => {
                self.operations.push_one_way(OneWay::upsert_memo(memo));
                Ok(())
            }
            Command::CompleteUpdate { protocol_instance_id, outcome } => {
                self.complete_update(&protocol_instance_id, outcome)
            }
            Command::CompleteWorkflow(attributes) => {
                self.end(
                    CommandType::CompleteWorkflowExecution,
                    Attributes::CompleteWorkflowExecutionCommandAttributes(attributes),
                );
                Ok(())
            }
            Command::FailWorkflow(attributes) => {
                self.end(
                    CommandType::FailWorkflowExecution,
                    Attributes::FailWorkflowExecutionCommandAttributes(attributes),
                );
                Ok(())
            }
            Command::CancelWorkflow(attributes) => {
                self.end(
                    CommandType::CancelWorkflowExecution,
                    Attributes::CancelWorkflowExecutionCommandAttributes(attributes),
                );
                Ok(())
            }
            Command::ContinueAsNew(attributes) => {
                let attributes = self.inherit(attributes);
                self.end(
                    CommandType::ContinueAsNewWorkflowExecution,
                    Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(attributes),
                );
                Ok(())
            }
        }
    }

    /// A command with a new sequence number.
    fn begin(&mut self, command: Command) -> Result<(), Error> {
        let operations = &mut self.operations;
        match command {
            Command::ScheduleActivity { seq, attributes, cancellation, user_metadata } => {
                take_number(&mut self.sequence.activity, seq, "activity")?;
                let activity = Activity::new(seq, attributes, cancellation, user_metadata);
                operations.activities.insert(seq, activity);
                operations.push_command(OperationId::Activity(seq), CommandType::ScheduleActivityTask);
            }
            Command::ScheduleLocalActivity { seq, activity } => {
                take_number(&mut self.sequence.activity, seq, "activity")?;
                let now = self.time.unwrap_or_default();
                let machine = LocalActivityMachine::new(seq, *activity, self.is_replaying, now);
                operations.local_activities.insert(seq, machine);
                if !self.is_replaying {
                    self.local_activities.start(seq);
                }
            }
            Command::StartTimer { seq, start_to_fire_timeout, user_metadata } => {
                take_number(&mut self.sequence.timer, seq, "timer")?;
                let timer = Timer::new(seq, start_to_fire_timeout, user_metadata);
                operations.timers.insert(seq, timer);
                operations.push_command(OperationId::Timer(seq), CommandType::StartTimer);
            }
            Command::StartChildWorkflow { seq, attributes, cancellation, user_metadata } => {
                take_number(&mut self.sequence.child_workflow, seq, "child workflow")?;
                let child = ChildWorkflow::new(seq, attributes, cancellation, user_metadata);
                operations.child_workflows.insert(seq, child);
                operations
                    .push_command(OperationId::ChildWorkflow(seq), CommandType::StartChildWorkflowExecution);
            }
            Command::SignalExternalWorkflow { seq, attributes, user_metadata } => {
                take_number(&mut self.sequence.external_signal, seq, "external signal")?;
                let signal = ExternalSignal::new(seq, attributes, user_metadata);
                operations.external_signals.insert(seq, signal);
                operations.push_command(
                    OperationId::ExternalSignal(seq),
                    CommandType::SignalExternalWorkflowExecution,
                );
            }
            Command::RequestCancelExternalWorkflow { seq, mut attributes } => {
                take_number(&mut self.sequence.external_cancel, seq, "external cancel")?;
                attributes.reason = format!(
                    "Cancel requested by workflow with run id {} with reason: {}",
                    self.config.run_id, attributes.reason
                );
                let cancel = ExternalCancel::new(Some(seq), attributes);
                operations.external_cancels.insert(seq, cancel);
                operations.push_command(
                    OperationId::ExternalCancel(seq),
                    CommandType::RequestCancelExternalWorkflowExecution,
                );
            }
            Command::ScheduleNexusOperation { seq, attributes, cancellation, user_metadata } => {
                take_number(&mut self.sequence.nexus, seq, "Nexus operation")?;
                let operation = NexusOperation::new(seq, attributes, cancellation, user_metadata);
                operations.nexus.insert(seq, operation);
                operations.push_command(OperationId::Nexus(seq), CommandType::ScheduleNexusOperation);
            }
            _ => {}
        }
        Ok(())
    }

    /// A command that cancels something, unless it is over.
    fn cancel(&mut self, command: Command) -> Result<(), Error> {
        let mut context = Context { jobs: &mut self.jobs, checks_id_and_type: true };
        let operations = &mut self.operations;
        let (operation, cancelled) = match command {
            Command::CancelActivity { seq } => {
                check_number(self.sequence.activity, seq, "activity")?;
                if operations.local_activities.contains_key(&seq) {
                    return self.cancel_local_activity(seq);
                }
                let Some(activity) = operations.activities.get_mut(&seq) else {
                    return Ok(());
                };
                (OperationId::Activity(seq), activity.cancel(&mut context))
            }
            Command::CancelTimer { seq } => {
                check_number(self.sequence.timer, seq, "timer")?;
                let Some(timer) = operations.timers.get_mut(&seq) else {
                    return Ok(());
                };
                (OperationId::Timer(seq), timer.cancel())
            }
            Command::CancelChildWorkflow { seq, reason } => {
                check_number(self.sequence.child_workflow, seq, "child workflow")?;
                let Some(child) = operations.child_workflows.get_mut(&seq) else {
                    return Ok(());
                };
                let Some(request) = child.cancel(reason, &mut context) else {
                    return Ok(());
                };
                let number = operations.own_number();
                operations.child_cancels.insert(number, ExternalCancel::new(None, request));
                let cancel = CommandType::RequestCancelExternalWorkflowExecution;
                (OperationId::ChildCancel(number), Cancelled::Command(cancel))
            }
            Command::CancelSignalExternalWorkflow { seq } => {
                check_number(self.sequence.external_signal, seq, "external signal")?;
                let Some(signal) = operations.external_signals.get_mut(&seq) else {
                    return Ok(());
                };
                (OperationId::ExternalSignal(seq), signal.cancel(&mut context))
            }
            Command::CancelNexusOperation { seq } => {
                check_number(self.sequence.nexus, seq, "Nexus operation")?;
                let Some(operation) = operations.nexus.get_mut(&seq) else {
                    return Ok(());
                };
                (OperationId::Nexus(seq), operation.cancel(&mut context))
            }
            _ => return Ok(()),
        };
        if let Cancelled::Command(command) = cancelled {
            operations.push_command(operation, command);
        }
        Ok(())
    }

    fn set_patch_marker(&mut self, patch_id: String, deprecated: bool) {
        let was_found = self.patches.is_found(&patch_id);
        if !self.patches.ask(&patch_id) {
            return;
        }
        let number = self.operations.own_number();
        self.operations.patches.insert(number, PatchMarker::new(patch_id, deprecated));
        self.operations.push_command(OperationId::Patch(number), CommandType::RecordMarker);
        // In replay without a marker nothing was upserted either.
        let was_upserted = !self.is_replaying || was_found;
        let upserts = self.flags.holds(Flag::UpsertsSearchAttributeOnPatch, !self.is_replaying, &self.config);
        if was_upserted
            && upserts
            && let Some(search_attributes) = self.patches.search_attributes()
        {
            self.operations.push_one_way(OneWay::upsert_search_attributes(search_attributes));
        }
    }

    fn upsert_search_attributes(&mut self, mut search_attributes: SearchAttributes) {
        if let Some(started) = &mut self.started {
            let current = started.search_attributes.get_or_insert_default();
            current.indexed_fields.extend(search_attributes.indexed_fields.clone());
        }
        // The list of patches is core's; histories have the command all the same.
        let core_lists_patches =
            self.flags.holds(Flag::UpsertsSearchAttributeOnPatch, !self.is_replaying, &self.config);
        if core_lists_patches && search_attributes.indexed_fields.contains_key(CHANGE_VERSION) {
            search_attributes = SearchAttributes::default();
        }
        self.operations.push_one_way(OneWay::upsert_search_attributes(search_attributes));
    }

    fn end(&mut self, command: CommandType, attributes: Attributes) {
        self.is_ended = true;
        self.local_activities.end_run();
        self.operations.push_one_way(OneWay::end(command, attributes));
    }

    /// What a continuation as new leaves out is what the run has.
    fn inherit(
        &self,
        mut attributes: Box<ContinueAsNewWorkflowExecutionCommandAttributes>,
    ) -> Box<ContinueAsNewWorkflowExecutionCommandAttributes> {
        let Some(started) = &self.started else {
            return attributes;
        };
        if attributes.memo.is_none() {
            attributes.memo.clone_from(&started.memo);
        }
        if attributes.retry_policy.is_none() {
            attributes.retry_policy.clone_from(&started.retry_policy);
        }
        if attributes.search_attributes.is_none() {
            attributes.search_attributes.clone_from(&started.search_attributes);
        }
        attributes
    }
}

/// Updates.
impl Run {
    pub(crate) fn begin_update(&mut self, request: UpdateRequest) {
        let number = self.operations.own_number();
        self.updates.by_instance.insert(request.protocol_instance_id().to_owned(), number);
        self.jobs.push(Job::Update(Box::new(request.update())));
        self.operations.updates.insert(number, UpdateMachine::new(request, self.is_replaying));
    }

    pub(crate) fn needs_validation(&self, protocol_instance_id: &str) -> bool {
        (self.updates.by_instance.get(protocol_instance_id))
            .and_then(|number| self.operations.updates.get(number))
            .is_some_and(UpdateMachine::needs_validation)
    }

    /// An update was validated: the one at this place among the jobs.
    pub(crate) fn settle_update(&mut self, job: usize, verdict: Result<(), Rejection>) {
        let Some(Job::Update(update)) = self.jobs.get(job) else {
            return;
        };
        let Some(&number) = self.updates.by_instance.get(&update.protocol_instance_id) else {
            return;
        };
        match verdict {
            Ok(()) => {
                if let Some(machine) = self.operations.updates.get_mut(&number) {
                    machine.set_valid();
                }
            }
            Err(failure) => {
                if let Job::Update(update) = self.jobs.remove(job) {
                    self.updates.by_instance.remove(&update.protocol_instance_id);
                }
                if let Some(machine) = self.operations.updates.remove(&number) {
                    self.updates.outbox.push(machine.reject(*failure));
                }
            }
        }
    }

    pub(crate) fn note_starting_updates(&mut self, jobs: &[Job]) {
        let numbers = jobs.iter().filter_map(|job| match job {
            Job::Update(update) => self.updates.by_instance.get(&update.protocol_instance_id),
            _ => None,
        });
        self.starting_updates = numbers.copied().collect();
    }

    /// Acceptances come before whatever their handlers, or anything else in the activation, ask for.
    fn accept_starting_updates(&mut self) {
        for number in std::mem::take(&mut self.starting_updates) {
            if let Some(machine) = self.operations.updates.get_mut(&number) {
                let message = machine.accept();
                if !self.is_replaying {
                    self.updates.outbox.push(message);
                }
                self.operations.push_command(OperationId::Update(number), CommandType::ProtocolMessage);
            }
        }
    }

    fn complete_update(
        &mut self,
        protocol_instance_id: &str,
        outcome: crate::job::Outcome,
    ) -> Result<(), Error> {
        let number = self.updates.by_instance.remove(protocol_instance_id);
        let machine = number.and_then(|number| self.operations.updates.get_mut(&number));
        let (Some(number), Some(machine)) = (number, machine) else {
            return Err(Error::guest(format!(
                "update {protocol_instance_id} is completed, which is not running"
            )));
        };
        let message = machine.complete(outcome)?;
        if !self.is_replaying {
            self.updates.outbox.push(message);
        }
        self.operations.push_command(OperationId::Update(number), CommandType::ProtocolMessage);
        Ok(())
    }
}

/// Local activities.
impl Run {
    /// Replay is over: what no marker resolved has to be run.
    pub(crate) fn request_local_activities(&mut self) {
        for (seq, machine) in &mut self.operations.local_activities {
            if machine.awaits_marker() {
                machine.request();
                self.local_activities.start(*seq);
            }
        }
    }

    fn cancel_local_activity(&mut self, seq: u32) -> Result<(), Error> {
        let Some(machine) = self.operations.local_activities.get(&seq) else {
            return Ok(());
        };
        let index = self.local_activities.activation_index;
        match machine.cancel() {
            LocalCancel::Nothing => Ok(()),
            LocalCancel::Resolve { and_request } => {
                let cancelled = machine.cancelled(index);
                if !self.local_activities.withdraw(seq) && and_request {
                    self.local_activities.cancel(seq);
                }
                if !and_request {
                    self.local_activities.is_over(seq);
                }
                self.resolve_local_activity(seq, cancelled, false)
            }
            // A resolution that belongs to a later activation waits for it.
            LocalCancel::Request if self.local_activities.has_held(seq) => Ok(()),
            LocalCancel::Request => {
                if let Some(found) = self.local_activities.take_found(seq) {
                    self.resolve_local_activity(seq, found, true)
                } else if self.local_activities.withdraw(seq) {
                    let cancelled = machine.cancelled(index);
                    self.resolve_local_activity(seq, cancelled, false)
                } else {
                    self.local_activities.cancel(seq);
                    Ok(())
                }
            }
        }
    }

    /// Takes what the worker resolved while it could not be taken.
    pub(crate) fn apply_deferred(&mut self) -> Result<(), Error> {
        for result in std::mem::take(&mut self.local_activities.deferred) {
            let seq = result.seq;
            self.local_activities.is_over(seq);
            let index = self.local_activities.activation_index;
            let Some(machine) = self.operations.local_activities.get(&seq) else {
                continue;
            };
            let resolution = machine.resolution(result, index);
            self.resolve_local_activity(seq, resolution, false)?;
        }
        Ok(())
    }

    fn resolve_local_activity(
        &mut self,
        seq: u32,
        resolution: Resolution,
        is_marker: bool,
    ) -> Result<(), Error> {
        let Some(machine) = self.operations.local_activities.get_mut(&seq) else {
            return Ok(());
        };
        let resolved = machine.resolve(resolution, is_marker, &mut self.jobs)?;
        if resolved.records_marker {
            self.operations.push_command(OperationId::LocalActivity(seq), CommandType::RecordMarker);
        }
        if let Some(time) = resolved.time {
            self.advance_time(time);
        }
        Ok(())
    }

    /// Applies what markers say, up to the first one whose activity is not scheduled yet, or which,
    /// unless told otherwise, belongs to a later activation.
    pub(crate) fn apply_found_local_activities(&mut self, include_held: bool) -> Result<(), Error> {
        while let Some(seq) = self.local_activities.next_found(include_held) {
            if !self.operations.local_activities.contains_key(&seq) {
                break;
            }
            if let Some(found) = self.local_activities.take_found(seq) {
                self.resolve_local_activity(seq, found, true)?;
            }
        }
        Ok(())
    }

    /// Without jobs there is no later activation to wait for.
    pub(crate) fn release_found_if_idle(&mut self) -> Result<(), Error> {
        if self.jobs.is_empty() {
            self.apply_found_local_activities(true)?;
        }
        Ok(())
    }
}

/// A sequence number of something new.
fn take_number(last: &mut u32, seq: u32, what: &str) -> Result<(), Error> {
    if seq <= *last {
        return Err(Error::guest(format!("{what} {seq} is begun, when {last} was the last")));
    }
    *last = seq;
    Ok(())
}

/// A sequence number of something that was begun.
fn check_number(last: u32, seq: u32, what: &str) -> Result<(), Error> {
    if seq == 0 || seq > last {
        return Err(Error::guest(format!("{what} {seq} is cancelled, which was never begun")));
    }
    Ok(())
}
