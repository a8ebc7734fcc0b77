//! Transitions that are dropped because they panicked.
//!
//! Nothing of such a transition stays in memory: the runs that it started are not there, and those that it changed are
//! read again from storage when they are needed. A run that panics twice without a good transition in between is set
//! aside: calls about it are refused as if it were damaged, so that it does not panic for ever.

use crate::execution::{damage::Damage, executions::Executions, transition::Touched};

impl Executions {
    /// Forgets what a transition did.
    pub(crate) fn drop_transition(&mut self, touched: &Touched, message: &str) {
        let Touched { changed, started, changing, schedules, batches, deployments } = touched;
        for (number, before) in schedules.iter().rev() {
            match before {
                Some(before) => self.schedules.set(*number, before.clone()),
                None => drop(self.schedules.remove(*number)),
            }
        }
        for (number, before) in batches.iter().rev() {
            match before {
                Some(before) => self.batches.set(*number, before.clone()),
                None => drop(self.batches.remove(*number)),
            }
        }
        for (number, before) in deployments.iter().rev() {
            match before {
                Some(before) => self.deployments.set(*number, before.clone()),
                None => drop(self.deployments.remove(*number)),
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
