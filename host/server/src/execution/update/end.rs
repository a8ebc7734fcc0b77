//! How an update ends that does not complete.

use host_wire::temporal::api::failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo};

use crate::{
    error::Error,
    execution::{
        fact::{UnrecordedChange, UpdateRejected},
        failure::within,
        run_transition::RunTransition,
        update::state::{PendingUpdate, RecordedUpdate, Sending, UpdateEnd},
    },
    limits,
};

/// A worker rejected an update. One that a reset admitted is in the history, so its end is kept.
pub(crate) fn reject(run: &mut RunTransition<'_>, update_id: String, failure: Box<Failure>) {
    if matches!(run.updates().recorded(&update_id), Some(RecordedUpdate::Admitted { .. })) {
        let failure = Some(within(&failure, limits::REJECTION_BYTES));
        run.unrecorded(UnrecordedChange::UpdateRejected(Box::new(UpdateRejected { update_id, failure })));
    } else {
        run.take_update(&update_id, Some(UpdateEnd::Rejected(failure)));
    }
}

/// Rejects the updates that went to a worker and that its completed workflow task did not mention.
pub(crate) fn reject_unprocessed(run: &mut RunTransition<'_>) {
    let failure = server_failure(
        "UnprocessedUpdate",
        "Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow Update is not \
         supported by the worker.",
    );
    for update_id in run.updates().admitted_by_reset() {
        reject(run, update_id, Box::new(failure.clone()));
    }
    let end = UpdateEnd::Rejected(Box::new(failure));
    end_pending(run, &end, |pending| pending.sending != Sending::Admitted);
}

/// The workflow task failed because of what its worker answered: the updates that it had are not sent again.
pub(crate) fn abort_sent(run: &mut RunTransition<'_>) {
    let message =
        "Unable to perform workflow execution update due to unexpected workflow task failure.".to_owned();
    let end = UpdateEnd::Aborted(Error::WorkflowNotReady(message));
    end_pending(run, &end, |pending| pending.sending != Sending::Admitted);
}

fn end_pending(run: &mut RunTransition<'_>, end: &UpdateEnd, ends: impl Fn(&PendingUpdate) -> bool) {
    let ending = run.updates().pending().iter().filter(|pending| ends(pending));
    let ending: Vec<String> = ending.map(|pending| pending.update_id.clone()).collect();
    for update_id in ending {
        run.take_update(&update_id, Some(end.clone()));
    }
}

/// The outcome of an update that was accepted by a run which closed before it completed.
pub(crate) fn accepted_by_closed_run() -> Failure {
    server_failure(
        "AcceptedUpdateCompletedWorkflow",
        "Workflow Update failed because the Workflow completed before the Update completed.",
    )
}

fn server_failure(kind: &str, message: &str) -> Failure {
    Failure {
        message: message.to_owned(),
        source: "Server".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type: kind.to_owned(),
            non_retryable: true,
            ..Default::default()
        })),
        ..Failure::default()
    }
}
