//! Transitions that are dropped because they panicked.
//!
//! Nothing of such a transition stays in memory: the runs that it started are not there, and those that it changed are
//! read again from storage when they are needed. A run that panics twice without a good transition in between is set
//! aside: calls about it are refused as if it were damaged, so that it does not panic for ever.

use crate::{
    batch::batches::Batches,
    deployment::deployments::Deployments,
    execution::{damage::Damage, executions::Executions, transition::Touched},
    nexus::endpoints::Endpoints,
    schedule::schedules::Schedules,
};

impl Executions {
    /// Forgets what a transition did.
    pub(crate) fn drop_transition(&mut self, touched: &Touched, message: &str) {
        let Touched { changed, started, changing, schedules, batches, deployments, endpoints, namespaces } =
            touched;
        undo(schedules, &mut self.schedules, Schedules::set, Schedules::remove);
        undo(batches, &mut self.batches, Batches::set, Batches::remove);
        undo(deployments, &mut self.deployments, Deployments::set, Deployments::remove);
        undo(endpoints, &mut self.endpoints, Endpoints::set, Endpoints::remove);
        for (name, before) in namespaces.iter().rev() {
            match before.clone() {
                Some((number, before)) => self.namespaces.set(number, before),
                None => drop(self.namespaces.remove(name)),
            }
        }
        let names = changing.and_then(|number| self.get(number)).map(|run| run.identity().clone());
        for (number, latest_before) in started.iter().rev() {
            self.undo_start(*number, *latest_before);
        }
        for number in changed.iter().filter(|number| started.iter().all(|(started, _)| started != *number)) {
            self.read_again(*number);
        }
        let Some((number, names)) = changing.zip(names) else { return };
        if started.iter().any(|(started, _)| *started == number) || self.note_panic(number) {
            return;
        }
        let reason = format!("its transitions panic, which is a bug of the service: {message}");
        let (workflow_id, run_id) = (&names.workflow_id, &names.run_id);
        tracing::error!(run = number, workflow_id, run_id, reason, "a run is set aside until the next start");
        self.set_aside(Damage {
            run: number,
            namespace: names.namespace,
            workflow_id: names.workflow_id,
            run_id: names.run_id,
            close_time: None,
            info: None,
            reason,
        });
    }
}

/// Puts entities back as they were before each change, the last change first.
fn undo<All, Entity: Clone>(
    changes: &[(u64, Option<Entity>)],
    all: &mut All,
    set: fn(&mut All, u64, Entity),
    remove: fn(&mut All, u64) -> Option<Entity>,
) {
    for (number, before) in changes.iter().rev() {
        match before {
            Some(before) => set(all, *number, before.clone()),
            None => drop(remove(all, *number)),
        }
    }
}
