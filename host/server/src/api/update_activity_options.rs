//! UpdateActivityOptions.

use host_wire::temporal::api::workflowservice::v1::{
    UpdateActivityOptionsRequest, UpdateActivityOptionsResponse, update_activity_options_request::Activity,
};
use tonic::Status;

use crate::{
    api::{activity_operation::operate_checked, context::Context},
    error::Error,
    execution::{
        activity::{
            operate::Selection,
            options::{change, merged, original},
        },
        run::Run,
    },
};

pub(crate) async fn handle(
    context: &Context,
    r: UpdateActivityOptionsRequest,
) -> Result<UpdateActivityOptionsResponse, Status> {
    let selection = r.activity.map(|activity| match activity {
        Activity::Id(id) => Selection::Id(id),
        Activity::Type(name) => Selection::Type(name),
        Activity::MatchAll(_) => Selection::All,
    });
    let asked = if r.restore_original { None } else { Some(asked(r.activity_options, r.update_mask)?) };
    let options_of = |run: &Run, id| {
        let activity = run.activities().get(id).ok_or_else(Error::no_such_activity)?;
        match &asked {
            Some((options, mask)) => merged(activity, options, mask),
            None => original(run, activity),
        }
    };
    let check = |run: &Run, id| options_of(run, id).map(drop);
    let changed =
        operate_checked(context, &r.namespace, r.execution.as_ref(), selection, check, |run, id| {
            let options = options_of(run, id)?;
            change(run, id, options.clone());
            Ok(options)
        });
    Ok(UpdateActivityOptionsResponse { activity_options: Some(changed.await?) })
}

fn asked<O, M>(options: Option<O>, mask: Option<M>) -> Result<(O, M), Error> {
    let options = options.ok_or_else(|| Error::invalid("ActivityOptions are not provided"))?;
    let mask = mask.ok_or_else(|| Error::invalid("UpdateMask is not provided"))?;
    Ok((options, mask))
}
