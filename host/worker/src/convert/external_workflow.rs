//! Other workflows: signals to them, requests to cancel them.

use host_core::Command;
use host_sandbox::wit::workflow::host::{
    external_workflows::{SignalOptions, SignalTarget},
    types::NamespacedExecution,
};
use host_wire::temporal::api::{
    command::v1::{
        RequestCancelExternalWorkflowExecutionCommandAttributes,
        SignalExternalWorkflowExecutionCommandAttributes,
    },
    common::v1::WorkflowExecution,
};

use super::{Defaults, named_payloads, payload, user_metadata};

/// `external-workflows.signal`
pub(super) fn signal(seq: u32, options: SignalOptions, defaults: &Defaults) -> Command {
    let (namespace, workflow_id, run_id, child_workflow_only) = match options.target {
        SignalTarget::Execution(target) => (target.namespace, target.workflow_id, target.run_id, false),
        SignalTarget::Child(workflow_id) => (String::new(), workflow_id, String::new(), true),
    };
    let attributes = SignalExternalWorkflowExecutionCommandAttributes {
        namespace: defaults.namespace(namespace),
        execution: Some(WorkflowExecution { workflow_id, run_id }),
        signal_name: options.name,
        input: payload::list_to_wire(options.arguments),
        control: String::new(),
        child_workflow_only,
        header: named_payloads::header_to_wire(options.headers),
    };
    Command::SignalExternalWorkflow {
        seq,
        attributes: Box::new(attributes),
        user_metadata: user_metadata::boxed(options.user_metadata),
    }
}

/// `external-workflows.request-cancel`
pub(super) fn request_cancel(
    seq: u32,
    execution: NamespacedExecution,
    reason: String,
    defaults: &Defaults,
) -> Command {
    let attributes = RequestCancelExternalWorkflowExecutionCommandAttributes {
        namespace: defaults.namespace(execution.namespace),
        workflow_id: execution.workflow_id,
        run_id: execution.run_id,
        control: String::new(),
        child_workflow_only: false,
        reason,
    };
    Command::RequestCancelExternalWorkflow { seq, attributes: Box::new(attributes) }
}
