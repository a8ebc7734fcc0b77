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
    local_activity::LocalActivityMachine,
    nexus::NexusOperation,
    one_way::OneWay,
    operations::{Cancelled, Context, OperationId},
    patches::{CHANGE_VERSION, PatchMarker},
    run::Run,
    timers::Timer,
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
