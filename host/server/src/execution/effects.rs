//! Does what the change of one run asks of other runs and of workers, in the same transition.

use crate::{
    execution::{
        activity, child, external, nexus, run_transition::Effect, transition::Transition,
        versioning::inherit, workflow_task,
    },
    schedule,
};

/// Handles effects until none is left, and closes workflow tasks for which too many events wait. The last step of a
/// transition.
pub(crate) fn settle(transition: &mut Transition<'_>) {
    handle_effects(transition);
    while let Some(number) = transition.over_buffer_limit() {
        transition.change(number, workflow_task::end::flush_full_buffer);
        handle_effects(transition);
    }
}

fn handle_effects(transition: &mut Transition<'_>) {
    while let Some((number, effect)) = transition.next_effect() {
        match effect {
            Effect::WorkflowTask => {
                let task = workflow_task::task::of(number, transition.run(number));
                transition.push_task(task);
            }
            Effect::Activity(id) => {
                let task = activity::task::of(number, transition.run(number), id);
                transition.push_task(task);
            }
            Effect::Nexus(id) => nexus::call::dispatch(transition, number, id),
            Effect::StartChild(id) => child::run::start(transition, number, id),
            Effect::SignalExternal(id) => external::deliver::signal(transition, number, id),
            Effect::CancelExternal(id) => external::deliver::cancel(transition, number, id),
            Effect::Continue(mut new) => {
                let run = transition.run(number);
                inherit::keep_on_queue(transition.executions(), run, &new.identity.namespace, &mut new.start);
                let next = transition.start(*new);
                transition.change(next, workflow_task::schedule::schedule_task);
            }
            Effect::Closed(children) => {
                child::close::closed(transition, number, children);
                schedule::close::closed(transition, number);
            }
        }
    }
}
