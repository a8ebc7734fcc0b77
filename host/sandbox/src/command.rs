//! The commands of an activation: the options that the guest passed, unchanged, with the sequence numbers
//! that the host assigned.

use crate::wit::workflow::host::{
    activities::{ActivityOptions, LocalActivityOptions},
    child_workflows::ChildWorkflowOptions,
    external_workflows::SignalOptions,
    nexus::OperationOptions,
    time::TimerOptions,
    types::{Failure, NamedPayloads, NamespacedExecution, Outcome, Payload},
    workflow::ContinueAsNewOptions,
};

/// One command. Sequence numbers count from 1 for each kind of operation in the life of a run; activities and
/// local activities share one count.
#[derive(Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are the arguments of the contract's functions")]
pub enum Command {
    /// `time.start-timer`
    StartTimer { seq: u32, options: TimerOptions },
    /// `time.cancel-timer`
    CancelTimer { seq: u32 },
    /// `activities.schedule`
    ScheduleActivity { seq: u32, options: Box<ActivityOptions> },
    /// `activities.schedule-local`
    ScheduleLocalActivity { seq: u32, options: Box<LocalActivityOptions> },
    /// `activities.cancel`
    CancelActivity { seq: u32 },
    /// `child-workflows.start`
    StartChildWorkflow { seq: u32, options: Box<ChildWorkflowOptions> },
    /// `child-workflows.cancel`
    CancelChildWorkflow { seq: u32, reason: String },
    /// `external-workflows.signal`
    SignalExternal { seq: u32, options: Box<SignalOptions> },
    /// `external-workflows.cancel-signal`
    CancelExternalSignal { seq: u32 },
    /// `external-workflows.request-cancel`
    RequestCancelExternal { seq: u32, execution: NamespacedExecution, reason: String },
    /// `nexus.schedule`
    ScheduleNexusOperation { seq: u32, options: Box<OperationOptions> },
    /// `nexus.cancel`
    CancelNexusOperation { seq: u32 },
    /// `workflow.complete`
    Complete { result: Option<Payload> },
    /// `workflow.fail`
    Fail { failure: Failure },
    /// `workflow.cancel`
    Cancel { details: Vec<Payload> },
    /// `workflow.continue-as-new`
    ContinueAsNew { options: Box<ContinueAsNewOptions> },
    /// `workflow.patched`, the first time that it returned true for this patch id
    Patched { patch_id: String, deprecated: bool },
    /// `workflow.upsert-search-attributes`
    UpsertSearchAttributes { search_attributes: NamedPayloads },
    /// `workflow.upsert-memo`
    UpsertMemo { memo: NamedPayloads },
    /// `workflow.set-current-details`
    SetCurrentDetails { details: String },
    /// `workflow.complete-update`
    CompleteUpdate { protocol_instance_id: String, outcome: Outcome },
}

impl Command {
    /// Whether it stays in the host: no history has it.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::SetCurrentDetails { .. })
    }
}
