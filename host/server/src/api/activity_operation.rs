//! Operations on open activities of a run, which requests select by id or by type.

use host_wire::temporal::api::common::v1::WorkflowExecution;
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    execution::{activity::operate::Selection, run::Run, run_transition::RunTransition},
};

/// Does something to each of the selected activities, in one transition.
///
/// # Errors
///
/// When the request names no open run or no open activity.
pub(super) async fn operate(
    context: &Context,
    namespace: &str,
    execution: Option<&WorkflowExecution>,
    selection: Option<Selection>,
    mut operation: impl FnMut(&mut RunTransition<'_>, i64),
) -> Result<(), Status> {
    let operation = |run: &mut RunTransition<'_>, id| {
        operation(run, id);
        Ok(())
    };
    operate_checked(context, namespace, execution, selection, |_, _| Ok(()), operation).await
}

/// As [`operate`], if all activities pass a check; answers what the last one gave.
///
/// # Errors
///
/// As [`operate`], or when an operation refuses.
pub(super) async fn operate_checked<R>(
    context: &Context,
    namespace: &str,
    execution: Option<&WorkflowExecution>,
    selection: Option<Selection>,
    check: impl Fn(&Run, i64) -> Result<(), Error>,
    mut operation: impl FnMut(&mut RunTransition<'_>, i64) -> Result<R, Error>,
) -> Result<R, Status> {
    let selection = selection.ok_or_else(|| Error::invalid("Activity ID or type is not set on request."))?;
    let change = context.change(
        (),
        |executions, ()| {
            let number = executions.find_open(namespace, execution, "")?;
            let run = executions.get(number).ok_or_else(Error::completed)?;
            let ids = selection.find(run)?;
            ids.iter().try_for_each(|id| check(run, *id))?;
            Ok((number, ids))
        },
        |transition, (), (number, ids)| {
            transition.change(number, |run| {
                let mut last = Err(Error::no_such_activity());
                for id in ids {
                    last = Ok(operation(run, id)?);
                }
                last
            })
        },
    );
    change.await
}
