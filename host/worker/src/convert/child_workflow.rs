//! Child workflows.

use host_core::{ChildWorkflowCancellation, ChildWorkflowStartResolution, Command};
use host_sandbox::wit::workflow::host::{
    activation::{ChildStartFailedCause, ChildStartResolution},
    child_workflows::{
        CancellationType, ChildWorkflowOptions, IdReusePolicy, ParentClosePolicy as GuestClosePolicy,
        VersioningOverride as GuestOverride,
    },
};
use host_wire::temporal::api::{
    command::v1::StartChildWorkflowExecutionCommandAttributes,
    common::v1::WorkflowType,
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::{ParentClosePolicy, StartChildWorkflowExecutionFailedCause, WorkflowIdReusePolicy},
    workflow::v1::{
        VersioningOverride,
        versioning_override::{Override, PinnedOverride, PinnedOverrideBehavior},
    },
};

use super::{
    Defaults, failure, malformed::Malformed, named_payloads, payload, priority, retry_policy, time,
    user_metadata,
};

/// `child-workflows.start`
pub(super) fn start(
    seq: u32,
    options: ChildWorkflowOptions,
    defaults: &Defaults,
) -> Result<Command, Malformed> {
    let attributes = StartChildWorkflowExecutionCommandAttributes {
        namespace: options.namespace.unwrap_or_else(|| defaults.namespace.clone()),
        workflow_id: options.workflow_id,
        workflow_type: Some(WorkflowType { name: options.workflow_type }),
        task_queue: Some(defaults.task_queue(options.task_queue)),
        input: payload::list_to_wire(options.arguments),
        workflow_execution_timeout: options.execution_timeout.map(time::duration_to_wire),
        workflow_run_timeout: options.run_timeout.map(time::duration_to_wire),
        workflow_task_timeout: options.task_timeout.map(time::duration_to_wire),
        parent_close_policy: parent_close_policy(options.parent_close_policy).into(),
        control: String::new(),
        workflow_id_reuse_policy: id_reuse_policy(options.id_reuse_policy).into(),
        retry_policy: options.retry_policy.map(retry_policy::to_wire).transpose()?,
        cron_schedule: options.cron_schedule,
        header: named_payloads::header_to_wire(options.headers),
        memo: Some(named_payloads::memo_to_wire(options.memo)),
        search_attributes: (!options.search_attributes.is_empty())
            .then(|| named_payloads::search_attributes_to_wire(options.search_attributes)),
        inherit_build_id: super::defaults::wants_compatible(options.versioning_intent),
        priority: options.priority.map(priority::to_wire).transpose()?,
        versioning_override: options.versioning_override.map(versioning_override),
    };
    Ok(Command::StartChildWorkflow {
        seq,
        attributes: Box::new(attributes),
        cancellation: cancellation(options.cancellation_type),
        user_metadata: user_metadata::boxed(options.user_metadata),
    })
}

/// How the start of a child came out, for a guest.
pub(super) fn start_resolution_to_guest(resolution: ChildWorkflowStartResolution) -> ChildStartResolution {
    match resolution {
        ChildWorkflowStartResolution::Started(run_id) => ChildStartResolution::Started(run_id),
        ChildWorkflowStartResolution::Failed(cause) => ChildStartResolution::Failed(match cause {
            // Version 0.1.0 of the contract has no case for the second one.
            StartChildWorkflowExecutionFailedCause::Unspecified
            | StartChildWorkflowExecutionFailedCause::InvalidVersioningOverride => {
                ChildStartFailedCause::Unspecified
            }
            StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists => {
                ChildStartFailedCause::WorkflowAlreadyExists
            }
            StartChildWorkflowExecutionFailedCause::NamespaceNotFound => {
                ChildStartFailedCause::NamespaceNotFound
            }
        }),
        ChildWorkflowStartResolution::Canceled(failure) => {
            ChildStartResolution::Canceled(failure::to_guest(*failure))
        }
    }
}

fn cancellation(cancellation: CancellationType) -> ChildWorkflowCancellation {
    match cancellation {
        CancellationType::Abandon => ChildWorkflowCancellation::Abandon,
        CancellationType::TryCancel => ChildWorkflowCancellation::TryCancel,
        CancellationType::WaitCancellationCompleted => ChildWorkflowCancellation::WaitCancellationCompleted,
        CancellationType::WaitCancellationRequested => ChildWorkflowCancellation::WaitCancellationRequested,
    }
}

fn parent_close_policy(policy: GuestClosePolicy) -> ParentClosePolicy {
    match policy {
        GuestClosePolicy::Unspecified => ParentClosePolicy::Unspecified,
        GuestClosePolicy::Terminate => ParentClosePolicy::Terminate,
        GuestClosePolicy::Abandon => ParentClosePolicy::Abandon,
        GuestClosePolicy::RequestCancel => ParentClosePolicy::RequestCancel,
    }
}

fn id_reuse_policy(policy: IdReusePolicy) -> WorkflowIdReusePolicy {
    match policy {
        IdReusePolicy::Unspecified => WorkflowIdReusePolicy::Unspecified,
        IdReusePolicy::AllowDuplicate => WorkflowIdReusePolicy::AllowDuplicate,
        IdReusePolicy::AllowDuplicateFailedOnly => WorkflowIdReusePolicy::AllowDuplicateFailedOnly,
        IdReusePolicy::RejectDuplicate => WorkflowIdReusePolicy::RejectDuplicate,
        IdReusePolicy::TerminateIfRunning => WorkflowIdReusePolicy::TerminateIfRunning,
    }
}

fn versioning_override(version: GuestOverride) -> VersioningOverride {
    let version = match version {
        GuestOverride::AutoUpgrade => Override::AutoUpgrade(true),
        GuestOverride::Pinned((deployment_name, build_id)) => Override::Pinned(PinnedOverride {
            behavior: PinnedOverrideBehavior::Pinned.into(),
            version: Some(WorkerDeploymentVersion { build_id, deployment_name }),
        }),
    };
    VersioningOverride { r#override: Some(version), ..VersioningOverride::default() }
}
