//! What sdk-core tells a guest, in our words.

use std::sync::Arc;

use host_core::{
    Activation, ActivityResolution, ChildWorkflowStartResolution, Job, LocalActivityBackoff,
    NexusStartResolution, Outcome, Start, Update,
};
use host_wire::temporal::api::{
    common::v1::{Header, Memo, Payloads, WorkflowExecution, WorkflowType},
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::{StartChildWorkflowExecutionFailedCause, SuggestContinueAsNewReason},
    failure::v1::Failure,
    history::v1::{
        WorkflowExecutionCancelRequestedEventAttributes, WorkflowExecutionSignaledEventAttributes,
        WorkflowExecutionStartedEventAttributes,
    },
    update::v1::{Input, Request},
};
use temporalio_protos::{
    coresdk::{
        activity_result::{ActivityResolution as TheirActivityResolution, activity_resolution},
        child_workflow::{ChildWorkflowResult, child_workflow_result},
        nexus::{NexusOperationResult, nexus_operation_result},
        workflow_activation::{
            DoUpdate, InitializeWorkflow, SignalWorkflow, WorkflowActivation,
            resolve_child_workflow_execution_start as child_start,
            resolve_nexus_operation_start as nexus_start, workflow_activation_job::Variant,
        },
    },
    temporal::api::failure::v1::Failure as TheirFailure,
};

use crate::bridge;

/// An activation of sdk-core. Jobs that are not the guest's business (evictions) and queries are left
/// out.
pub fn activation(from: &WorkflowActivation) -> Activation {
    let mut activation = Activation {
        time: bridge::option(from.timestamp.as_ref()).unwrap_or_default(),
        history_length: from.history_length,
        history_size_bytes: from.history_size_bytes,
        continue_as_new_suggested: from.continue_as_new_suggested,
        continue_as_new_reasons: from
            .suggest_continue_as_new_reasons
            .iter()
            .map(|reason| SuggestContinueAsNewReason::try_from(*reason).unwrap_or_default())
            .collect(),
        target_deployment_version_changed: from.target_worker_deployment_version_changed,
        version: from.deployment_version_for_current_task.as_ref().map(|version| {
            Arc::new(WorkerDeploymentVersion {
                deployment_name: version.deployment_name.clone(),
                build_id: version.build_id.clone(),
            })
        }),
        is_replaying: from.is_replaying,
        patches: Vec::new(),
        jobs: Vec::new(),
    };
    for variant in from.jobs.iter().filter_map(|job| job.variant.as_ref()) {
        match variant {
            Variant::NotifyHasPatch(patch) => activation.patches.push(patch.patch_id.clone()),
            _ => activation.jobs.extend(job(variant)),
        }
    }
    activation
}

fn job(variant: &Variant) -> Option<Job> {
    Some(match variant {
        Variant::InitializeWorkflow(start) => Job::Start(Box::new(self::start(start))),
        Variant::FireTimer(timer) => Job::TimerFired { seq: timer.seq },
        // The run id of the reset is not told; see `reduced`.
        Variant::UpdateRandomSeed(seed) => {
            Job::UpdateRandomSeed { run_id: String::new(), seed: seed.randomness_seed }
        }
        Variant::CancelWorkflow(cancel) => {
            Job::Cancel(Box::new(WorkflowExecutionCancelRequestedEventAttributes {
                cause: cancel.reason.clone(),
                ..WorkflowExecutionCancelRequestedEventAttributes::default()
            }))
        }
        Variant::SignalWorkflow(signal) => self::signal(signal),
        Variant::ResolveActivity(resolved) => Job::ActivityResolved {
            seq: resolved.seq,
            resolution: activity_resolution(resolved.result.as_ref()?)?,
            is_local: resolved.is_local,
        },
        Variant::ResolveChildWorkflowExecutionStart(resolved) => Job::ChildWorkflowStartResolved {
            seq: resolved.seq,
            resolution: child_start_resolution(resolved.status.as_ref()?),
        },
        Variant::ResolveChildWorkflowExecution(resolved) => Job::ChildWorkflowResolved {
            seq: resolved.seq,
            outcome: child_outcome(resolved.result.as_ref()?)?,
        },
        Variant::ResolveSignalExternalWorkflow(resolved) => Job::ExternalSignalResolved {
            seq: resolved.seq,
            failure: bridge::option(resolved.failure.as_ref()).map(Box::new),
        },
        Variant::ResolveRequestCancelExternalWorkflow(resolved) => Job::ExternalCancelResolved {
            seq: resolved.seq,
            failure: bridge::option(resolved.failure.as_ref()).map(Box::new),
        },
        Variant::DoUpdate(update) => Job::Update(Box::new(self::update(update))),
        Variant::ResolveNexusOperationStart(resolved) => Job::NexusStartResolved {
            seq: resolved.seq,
            resolution: nexus_start_resolution(resolved.status.as_ref()?),
        },
        Variant::ResolveNexusOperation(resolved) => {
            Job::NexusResolved { seq: resolved.seq, outcome: nexus_outcome(resolved.result.as_ref()?)? }
        }
        Variant::NotifyHasPatch(_) | Variant::QueryWorkflow(_) | Variant::RemoveFromCache(_) => return None,
    })
}

/// An activation with only what both engines tell, so that two can be compared. Seeds are left out:
/// sdk-core's are those of Rust's standard hasher, ours are specified.
pub fn reduced(mut activation: Activation) -> Activation {
    for job in &mut activation.jobs {
        match job {
            Job::Start(start) => {
                start.attributes = reduced_start(&start.attributes);
                start.seed = 0;
            }
            Job::UpdateRandomSeed { run_id, seed } => {
                run_id.clear();
                *seed = 0;
            }
            Job::Signal { attributes, .. } => {
                **attributes = WorkflowExecutionSignaledEventAttributes {
                    signal_name: attributes.signal_name.clone(),
                    input: payloads(attributes.input.take().unwrap_or_default().payloads),
                    identity: attributes.identity.clone(),
                    header: attributes.header.take().filter(|it| !it.fields.is_empty()),
                    ..WorkflowExecutionSignaledEventAttributes::default()
                };
            }
            Job::Cancel(attributes) => {
                **attributes = WorkflowExecutionCancelRequestedEventAttributes {
                    cause: attributes.cause.clone(),
                    ..WorkflowExecutionCancelRequestedEventAttributes::default()
                };
            }
            Job::Update(update) => {
                update.request.request_id.clear();
                update.request.completion_callbacks.clear();
                update.request.links.clear();
                if let Some(input) = &mut update.request.input {
                    input.args = payloads(input.args.take().unwrap_or_default().payloads);
                    input.header = input.header.take().filter(|it| !it.fields.is_empty());
                }
            }
            _ => {}
        }
    }
    activation
}

fn start(from: &InitializeWorkflow) -> Start {
    let parent = from.parent_workflow_info.as_ref();
    Start {
        time: bridge::option(from.start_time.as_ref()).unwrap_or_default(),
        // Not sdk-core's own, so that one guest gets the same randomness from both.
        seed: host_core::random_seed(&from.original_execution_run_id),
        attributes: WorkflowExecutionStartedEventAttributes {
            workflow_type: Some(WorkflowType { name: from.workflow_type.clone() }),
            input: payloads(bridge::list(&from.arguments)),
            header: header(bridge::map(&from.headers)),
            identity: from.identity.clone(),
            parent_workflow_namespace: parent.map(|it| it.namespace.clone()).unwrap_or_default(),
            parent_workflow_execution: parent.map(|it| WorkflowExecution {
                workflow_id: it.workflow_id.clone(),
                run_id: it.run_id.clone(),
            }),
            workflow_execution_timeout: bridge::option(from.workflow_execution_timeout.as_ref()),
            workflow_run_timeout: bridge::option(from.workflow_run_timeout.as_ref()),
            workflow_task_timeout: bridge::option(from.workflow_task_timeout.as_ref()),
            continued_execution_run_id: from.continued_from_execution_run_id.clone(),
            initiator: from.continued_initiator,
            continued_failure: bridge::option(from.continued_failure.as_ref()),
            last_completion_result: bridge::option(from.last_completion_result.as_ref()),
            first_execution_run_id: from.first_execution_run_id.clone(),
            retry_policy: bridge::option(from.retry_policy.as_ref()),
            attempt: from.attempt,
            cron_schedule: from.cron_schedule.clone(),
            workflow_execution_expiration_time: bridge::option(
                from.workflow_execution_expiration_time.as_ref(),
            ),
            first_workflow_task_backoff: bridge::option(from.cron_schedule_to_schedule_interval.as_ref()),
            memo: memo(bridge::option(from.memo.as_ref())),
            search_attributes: bridge::option(from.search_attributes.as_ref()),
            root_workflow_execution: bridge::option(from.root_workflow.as_ref()),
            priority: bridge::option(from.priority.as_ref()),
            original_execution_run_id: from.original_execution_run_id.clone(),
            ..WorkflowExecutionStartedEventAttributes::default()
        },
    }
}

fn reduced_start(from: &WorkflowExecutionStartedEventAttributes) -> WorkflowExecutionStartedEventAttributes {
    let kept = from.clone();
    WorkflowExecutionStartedEventAttributes {
        workflow_type: Some(kept.workflow_type.unwrap_or_default()),
        input: payloads(kept.input.unwrap_or_default().payloads),
        header: kept.header.filter(|it| !it.fields.is_empty()),
        identity: kept.identity,
        parent_workflow_namespace: kept.parent_workflow_namespace,
        parent_workflow_execution: kept.parent_workflow_execution,
        workflow_execution_timeout: kept.workflow_execution_timeout,
        workflow_run_timeout: kept.workflow_run_timeout,
        workflow_task_timeout: kept.workflow_task_timeout,
        continued_execution_run_id: kept.continued_execution_run_id,
        initiator: kept.initiator,
        continued_failure: kept.continued_failure,
        last_completion_result: kept.last_completion_result,
        first_execution_run_id: kept.first_execution_run_id,
        retry_policy: kept.retry_policy,
        attempt: kept.attempt,
        cron_schedule: kept.cron_schedule,
        workflow_execution_expiration_time: kept.workflow_execution_expiration_time,
        first_workflow_task_backoff: kept.first_workflow_task_backoff,
        memo: memo(kept.memo),
        search_attributes: kept.search_attributes,
        root_workflow_execution: kept.root_workflow_execution,
        priority: kept.priority,
        original_execution_run_id: kept.original_execution_run_id,
        ..WorkflowExecutionStartedEventAttributes::default()
    }
}

fn signal(from: &SignalWorkflow) -> Job {
    Job::Signal {
        event_id: from.originating_event_id,
        attributes: Box::new(WorkflowExecutionSignaledEventAttributes {
            signal_name: from.signal_name.clone(),
            input: payloads(bridge::list(&from.input)),
            identity: from.identity.clone(),
            header: header(bridge::map(&from.headers)),
            ..WorkflowExecutionSignaledEventAttributes::default()
        }),
    }
}

fn update(from: &DoUpdate) -> Update {
    Update {
        protocol_instance_id: from.protocol_instance_id.clone(),
        request: Request {
            meta: bridge::option(from.meta.as_ref()),
            input: Some(Input {
                header: header(bridge::map(&from.headers)),
                name: from.name.clone(),
                args: payloads(bridge::list(&from.input)),
            }),
            ..Request::default()
        },
    }
}

fn activity_resolution(from: &TheirActivityResolution) -> Option<ActivityResolution> {
    use activity_resolution::Status;
    Some(match from.status.as_ref()? {
        Status::Completed(it) => {
            ActivityResolution::Outcome(Outcome::Completed(bridge::option(it.result.as_ref())))
        }
        Status::Failed(it) => ActivityResolution::Outcome(Outcome::Failed(failure(it.failure.as_ref()))),
        Status::Cancelled(it) => ActivityResolution::Outcome(Outcome::Canceled(failure(it.failure.as_ref()))),
        Status::Backoff(it) => ActivityResolution::Backoff(LocalActivityBackoff {
            attempt: it.attempt,
            backoff: bridge::option(it.backoff_duration.as_ref()).unwrap_or_default(),
            original_schedule_time: bridge::option(it.original_schedule_time.as_ref()),
        }),
    })
}

fn child_start_resolution(from: &child_start::Status) -> ChildWorkflowStartResolution {
    match from {
        child_start::Status::Succeeded(it) => ChildWorkflowStartResolution::Started(it.run_id.clone()),
        child_start::Status::Failed(it) => ChildWorkflowStartResolution::Failed(
            StartChildWorkflowExecutionFailedCause::try_from(it.cause).unwrap_or_default(),
        ),
        child_start::Status::Cancelled(it) => {
            ChildWorkflowStartResolution::Canceled(failure(it.failure.as_ref()))
        }
    }
}

fn child_outcome(from: &ChildWorkflowResult) -> Option<Outcome> {
    use child_workflow_result::Status;
    Some(match from.status.as_ref()? {
        Status::Completed(it) => Outcome::Completed(bridge::option(it.result.as_ref())),
        Status::Failed(it) => Outcome::Failed(failure(it.failure.as_ref())),
        Status::Cancelled(it) => Outcome::Canceled(failure(it.failure.as_ref())),
    })
}

fn nexus_start_resolution(from: &nexus_start::Status) -> NexusStartResolution {
    match from {
        nexus_start::Status::OperationToken(token) => NexusStartResolution::StartedAsync(token.clone()),
        nexus_start::Status::StartedSync(_) => NexusStartResolution::StartedSync,
        nexus_start::Status::Failed(it) => NexusStartResolution::Failed(failure(Some(it))),
    }
}

fn nexus_outcome(from: &NexusOperationResult) -> Option<Outcome> {
    use nexus_operation_result::Status;
    Some(match from.status.as_ref()? {
        Status::Completed(it) => Outcome::Completed(Some(bridge::message(it))),
        Status::Failed(it) | Status::TimedOut(it) => Outcome::Failed(failure(Some(it))),
        Status::Cancelled(it) => Outcome::Canceled(failure(Some(it))),
    })
}

fn failure(from: Option<&TheirFailure>) -> Box<Failure> {
    Box::new(bridge::option(from).unwrap_or_default())
}

fn payloads(payloads: Vec<host_wire::temporal::api::common::v1::Payload>) -> Option<Payloads> {
    (!payloads.is_empty()).then_some(Payloads { payloads })
}

fn header(
    fields: std::collections::BTreeMap<String, host_wire::temporal::api::common::v1::Payload>,
) -> Option<Header> {
    (!fields.is_empty()).then_some(Header { fields })
}

fn memo(memo: Option<Memo>) -> Option<Memo> {
    memo.filter(|memo| !memo.fields.is_empty())
}
