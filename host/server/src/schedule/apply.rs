//! Does what a step worked out, in a transition.

use crate::{
    execution::{
        cancel::request::{self as cancel, CancelRequest},
        close::terminate,
        start::request as start,
        transition::Transition,
    },
    schedule::step::{Action, Plan},
};

const CANCEL_REASON: &str = "cancelled by schedule overlap policy";
const TERMINATE_REASON: &str = "terminated by schedule overlap policy";

/// Starts and ends workflows as planned, and keeps what that makes of the schedule.
pub(crate) fn apply(transition: &mut Transition<'_>, plan: Plan) {
    let Plan { mut schedule, actions, ends } = plan;
    let names = &schedule.identity;
    let identity = format!("temporal-scheduler-{}-{}", names.namespace, names.schedule_id);
    let mut ended = Vec::new();
    for action in actions {
        match action {
            Action::Start { request, existing } => {
                let workflow_id = request.workflow_id.clone();
                let started = start::start(transition, *request, existing);
                let run_id = transition.run(started.run).identity().run_id.clone();
                schedule.name_run(&workflow_id, &run_id);
            }
            Action::Cancel(number) => ended.push((number, false)),
            Action::Terminate(number) => ended.push((number, true)),
        }
    }
    if ends {
        return transition.delete_schedule(&schedule.identity);
    }
    transition.put_schedule(schedule);
    // The end of these is heard of when the transition settles.
    for (number, terminates) in ended {
        transition.change(number, |run| {
            if terminates {
                terminate::terminate(run, TERMINATE_REASON, None, &identity);
            } else {
                let (reason, identity) = (CANCEL_REASON.to_owned(), identity.clone());
                cancel::request(run, CancelRequest { reason, identity, external: None });
            }
        });
    }
}
