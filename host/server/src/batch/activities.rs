//! Operations on the open activities of a run.

use host_wire::temporal::api::{
    activity::v1::ActivityOptions,
    batch::v1::{
        BatchOperationUpdateActivityOptions, batch_operation_reset_activities as reset_activities,
        batch_operation_unpause_activities as unpause_activities,
        batch_operation_update_activity_options as update_activities,
    },
    workflowservice::v1::start_batch_operation_request::Operation,
};

use crate::{
    error::Error,
    execution::{
        activity::{
            operate::{Reset, Selection, Unpause, reset, unpause},
            options::{change as change_options, merged, original},
        },
        run::Run,
        run_transition::RunTransition,
    },
    time::positive,
};

/// The activities that an operation is about; none if it is about the run.
///
/// # Errors
///
/// When the run has no such activity, or one of them cannot have the options.
pub(super) fn selected(operation: &Operation, run: &Run) -> Result<Option<Vec<i64>>, Error> {
    let selection = match operation {
        Operation::UnpauseActivitiesOperation(asked) => match asked.activity.clone() {
            Some(unpause_activities::Activity::Type(name)) => Selection::Type(name),
            Some(unpause_activities::Activity::MatchAll(_)) | None => Selection::All,
        },
        Operation::ResetActivitiesOperation(asked) => match asked.activity.clone() {
            Some(reset_activities::Activity::Type(name)) => Selection::Type(name),
            Some(reset_activities::Activity::MatchAll(_)) | None => Selection::All,
        },
        Operation::UpdateActivityOptionsOperation(asked) => {
            let selection = match asked.activity.clone() {
                Some(update_activities::Activity::Type(name)) => Selection::Type(name),
                Some(update_activities::Activity::MatchAll(_)) | None => Selection::All,
            };
            let ids = selection.find(run)?;
            ids.iter().try_for_each(|id| options(run, asked, *id).map(drop))?;
            return Ok(Some(ids));
        }
        _ => return Ok(None),
    };
    selection.find(run).map(Some)
}

/// Changes one of them.
///
/// # Errors
///
/// When it cannot have the options.
pub(super) fn change(
    run: &mut RunTransition<'_>,
    operation: Option<&Operation>,
    id: i64,
) -> Result<(), Error> {
    match operation {
        Some(Operation::UnpauseActivitiesOperation(asked)) => {
            let asked = Unpause {
                resets_attempts: asked.reset_attempts,
                resets_heartbeat: asked.reset_heartbeat,
                jitter: positive(asked.jitter).unwrap_or_default(),
            };
            unpause(run, id, asked);
        }
        Some(Operation::ResetActivitiesOperation(asked)) => {
            let asked = Reset {
                resets_heartbeat: asked.reset_heartbeat,
                keeps_paused: asked.keep_paused,
                restores_options: asked.restore_original_options,
                jitter: positive(asked.jitter).unwrap_or_default(),
            };
            reset(run, id, asked);
        }
        Some(Operation::UpdateActivityOptionsOperation(asked)) => {
            let options = options(run, asked, id)?;
            change_options(run, id, options);
        }
        _ => {}
    }
    Ok(())
}

fn options(
    run: &Run,
    asked: &BatchOperationUpdateActivityOptions,
    id: i64,
) -> Result<ActivityOptions, Error> {
    let activity = run.activities().get(id).ok_or_else(Error::no_such_activity)?;
    if asked.restore_original {
        return original(run, activity);
    }
    let mask = asked.update_mask.clone().unwrap_or_default();
    merged(activity, &asked.activity_options.clone().unwrap_or_default(), &mask)
}
