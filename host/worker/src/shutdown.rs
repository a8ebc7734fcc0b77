//! Time limits of a shutdown, and the report at its end.

use std::time::Duration;

use host_activities::RunningActivity;

/// How long polls may take to end where the service ends them, before they are dropped.
pub(crate) const POLLS_END_TIMEOUT: Duration = Duration::from_secs(5);
/// How long tasks that are left at the end of the grace period may take to be reported as failed.
pub(crate) const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);
/// How much of the grace period activities have left once they are asked to stop, as a divisor.
const STOP_SHARE: u32 = 4;

/// Tasks that had not ended when the worker did.
#[derive(Debug, Default)]
pub struct ShutdownReport {
    /// Activities that did not end within the grace period. The service has them back.
    pub activities: Vec<RunningActivity>,
    /// Workflow tasks that did not end within the grace period. They time out.
    pub workflow_tasks: usize,
}

impl ShutdownReport {
    /// Whether everything ended by itself.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.activities.is_empty() && self.workflow_tasks == 0
    }
}

/// Activities go on undisturbed first, then they are asked to stop.
pub(crate) fn activity_grace(grace: Duration) -> host_activities::Grace {
    let stop = grace / STOP_SHARE;
    host_activities::Grace { finish: grace - stop, stop }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activities_have_the_whole_grace_period() {
        let grace = activity_grace(Duration::from_secs(10));
        assert_eq!(grace.finish, Duration::from_millis(7500));
        assert_eq!(grace.stop, Duration::from_millis(2500));
    }
}
