//! What becomes due in a run by itself.

use host_wire::temporal::api::enums::v1::{TaskQueueKind, TimeoutType};

use crate::{
    execution::{run::Run, run_transition::RunTransition, workflow_task::sticky_timeout},
    time::Time,
};

/// Everything that time alone can do to a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deadline {
    Run,
    FirstTask,
    Task,
    Timer(String),
    ActivityRetry(i64),
    ActivityTimeout(i64, TimeoutType),
}

impl Run {
    /// What is due first, and when.
    pub(crate) fn next_deadline(&self) -> Option<(Time, Deadline)> {
        if !self.is_open() {
            return None;
        }
        let mut next: Option<(Time, Deadline)> = None;
        let mut consider = |time: Time, deadline: Deadline| {
            if next.as_ref().is_none_or(|(earliest, _)| time < *earliest) {
                next = Some((time, deadline));
            }
        };
        if let Some(time) = self.expires() {
            consider(time, Deadline::Run);
        }
        if let Some(time) = self.first_task_time {
            consider(time, Deadline::FirstTask);
        }
        if let Some(time) = self.task_deadline() {
            consider(time, Deadline::Task);
        }
        let first = self.timers.iter().min_by_key(|(_, timer)| (timer.fire_time, timer.started_event_id));
        if let Some((id, timer)) = first {
            consider(timer.fire_time, Deadline::Timer(id.clone()));
        }
        for (id, activity) in &self.activities {
            if activity.backing_off {
                consider(activity.attempt_time, Deadline::ActivityRetry(*id));
            }
            if let Some((time, kind)) = activity.timeout() {
                consider(time, Deadline::ActivityTimeout(*id, kind));
            }
        }
        next
    }

    fn task_deadline(&self) -> Option<Time> {
        let task = self.task.as_ref()?;
        match &task.started {
            Some(started) => Some(started.time.after(self.task_timeout(task.attempt))),
            None if task.queue.kind == i32::from(TaskQueueKind::Sticky) => {
                Some(task.scheduled_time.after(sticky_timeout(self)?))
            }
            None => None,
        }
    }
}

impl RunTransition<'_> {
    /// Does everything that is due.
    pub(crate) fn pass_time(&mut self) {
        while let Some((_, deadline)) = self.state.next_deadline().filter(|(time, _)| *time <= self.now) {
            match deadline {
                Deadline::Run => self.time_out_run(),
                Deadline::FirstTask => self.first_task_due(),
                Deadline::Task => self.time_out_task(),
                Deadline::Timer(id) => self.fire_timer(&id),
                Deadline::ActivityRetry(id) => self.activity_ready(id),
                Deadline::ActivityTimeout(id, kind) => self.time_out_activity(id, kind),
            }
        }
    }
}
