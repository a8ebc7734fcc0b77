//! Activations: what happened, for a guest.

use host_core::{Activation, ActivityResolution, Job};
use host_sandbox::Activation as Circumstances;
use host_sandbox::wit::workflow::host::activation::{
    ActivityResolution as GuestResolution, ActivityResolved, ChildWorkflowStartResolved, ContinueAsNewReason,
    DeploymentVersion, Job as GuestJob, NexusStartResolved, OutcomeResolved, Resolved, Task,
};
use host_wire::temporal::api::{enums::v1::SuggestContinueAsNewReason, failure::v1::Failure};

use super::{
    RunIdentity, child_workflow, failure, local_activity, nexus, outcome, signal, start, time, update,
};

/// An activation for a guest, and what of it a guest is not told.
pub(crate) fn to_guest(activation: Activation, identity: &RunIdentity) -> (Task, Circumstances) {
    let circumstances = Circumstances {
        replaying: activation.is_replaying,
        patches: activation.patches,
        new_random_seed: activation.jobs.iter().find_map(|job| match job {
            Job::UpdateRandomSeed { seed, .. } => Some(*seed),
            _ => None,
        }),
    };
    let task = Task {
        time: time::instant_to_guest(activation.time),
        history_length: activation.history_length,
        history_size: activation.history_size_bytes,
        continue_as_new_suggested: activation.continue_as_new_suggested,
        continue_as_new_reasons: activation.continue_as_new_reasons.into_iter().map(reason).collect(),
        target_deployment_version_changed: activation.target_deployment_version_changed,
        deployment_version: activation.version.map(|version| DeploymentVersion {
            deployment_name: version.deployment_name.clone(),
            build_id: version.build_id.clone(),
        }),
        jobs: activation.jobs.into_iter().map(|job| job_to_guest(job, identity)).collect(),
    };
    (task, circumstances)
}

fn job_to_guest(job: Job, identity: &RunIdentity) -> GuestJob {
    match job {
        Job::Start(start) => GuestJob::Start(start::to_guest(*start, identity)),
        Job::UpdateRandomSeed { .. } => GuestJob::UpdateRandomSeed,
        Job::Signal { event_id, attributes } => GuestJob::Signal(signal::to_guest(event_id, *attributes)),
        Job::Update(update) => GuestJob::Update(update::to_guest(*update)),
        Job::Cancel(attributes) => GuestJob::Cancel(attributes.cause),
        Job::TimerFired { seq } => GuestJob::TimerFired(seq),
        Job::ActivityResolved { seq, resolution, is_local: _ } => {
            let resolution = match resolution {
                ActivityResolution::Outcome(outcome) => GuestResolution::Outcome(outcome::to_guest(outcome)),
                ActivityResolution::Backoff(backoff) => {
                    GuestResolution::Backoff(local_activity::backoff_to_guest(backoff))
                }
            };
            GuestJob::ActivityResolved(ActivityResolved { seq, resolution })
        }
        Job::ChildWorkflowStartResolved { seq, resolution } => {
            let resolution = child_workflow::start_resolution_to_guest(resolution);
            GuestJob::ChildWorkflowStartResolved(ChildWorkflowStartResolved { seq, resolution })
        }
        Job::ChildWorkflowResolved { seq, outcome } => {
            GuestJob::ChildWorkflowResolved(OutcomeResolved { seq, outcome: outcome::to_guest(outcome) })
        }
        Job::ExternalSignalResolved { seq, failure } => {
            GuestJob::ExternalSignalResolved(resolved(seq, failure))
        }
        Job::ExternalCancelResolved { seq, failure } => {
            GuestJob::ExternalCancelResolved(resolved(seq, failure))
        }
        Job::NexusStartResolved { seq, resolution } => {
            let resolution = nexus::start_resolution_to_guest(resolution);
            GuestJob::NexusStartResolved(NexusStartResolved { seq, resolution })
        }
        Job::NexusResolved { seq, outcome } => {
            GuestJob::NexusResolved(OutcomeResolved { seq, outcome: outcome::to_guest(outcome) })
        }
    }
}

fn resolved(seq: u32, failure: Option<Box<Failure>>) -> Resolved {
    Resolved { seq, failure: failure.map(|failure| failure::to_guest(*failure)) }
}

fn reason(reason: SuggestContinueAsNewReason) -> ContinueAsNewReason {
    match reason {
        SuggestContinueAsNewReason::Unspecified => ContinueAsNewReason::Unspecified,
        SuggestContinueAsNewReason::HistorySizeTooLarge => ContinueAsNewReason::HistorySizeTooLarge,
        SuggestContinueAsNewReason::TooManyHistoryEvents => ContinueAsNewReason::TooManyHistoryEvents,
        SuggestContinueAsNewReason::TooManyUpdates => ContinueAsNewReason::TooManyUpdates,
    }
}
