//! Continuing as new.

use host_core::Command;
use host_sandbox::wit::workflow::host::workflow::{
    ContinueAsNewOptions, ContinueAsNewVersioningBehavior as GuestBehavior,
};
use host_wire::temporal::api::{
    command::v1::ContinueAsNewWorkflowExecutionCommandAttributes,
    common::v1::WorkflowType,
    enums::v1::{ContinueAsNewInitiator, ContinueAsNewVersioningBehavior},
};

use super::{Defaults, malformed::Malformed, named_payloads, payload, retry_policy, time};

/// `workflow.continue-as-new`
pub(super) fn command(options: ContinueAsNewOptions, defaults: &Defaults) -> Result<Command, Malformed> {
    let workflow_type = options.workflow_type.unwrap_or_else(|| defaults.workflow_type.clone());
    let attributes = ContinueAsNewWorkflowExecutionCommandAttributes {
        workflow_type: Some(WorkflowType { name: workflow_type }),
        task_queue: Some(defaults.task_queue(options.task_queue)),
        input: payload::list_to_wire(options.arguments),
        workflow_run_timeout: options.run_timeout.map(time::duration_to_wire),
        workflow_task_timeout: options.task_timeout.map(time::duration_to_wire),
        backoff_start_interval: options.backoff_start_interval.map(time::duration_to_wire),
        retry_policy: options.retry_policy.map(retry_policy::to_wire).transpose()?,
        initiator: ContinueAsNewInitiator::Workflow.into(),
        header: named_payloads::header_to_wire(options.headers),
        memo: options.memo.map(named_payloads::memo_to_wire),
        search_attributes: options.search_attributes.map(named_payloads::search_attributes_to_wire),
        inherit_build_id: super::defaults::wants_compatible(options.versioning_intent),
        initial_versioning_behavior: versioning_behavior(options.initial_versioning_behavior).into(),
        ..ContinueAsNewWorkflowExecutionCommandAttributes::default()
    };
    Ok(Command::ContinueAsNew(Box::new(attributes)))
}

fn versioning_behavior(behavior: GuestBehavior) -> ContinueAsNewVersioningBehavior {
    match behavior {
        GuestBehavior::Unspecified => ContinueAsNewVersioningBehavior::Unspecified,
        GuestBehavior::AutoUpgrade => ContinueAsNewVersioningBehavior::AutoUpgrade,
        GuestBehavior::UseRampingVersion => ContinueAsNewVersioningBehavior::UseRampingVersion,
    }
}
