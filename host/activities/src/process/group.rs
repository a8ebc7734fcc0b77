//! The process group of a child process: the child, which leads it, and the processes that it started.

use std::collections::BTreeSet;
use std::io::{Error, Result};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::Child;
use tokio::time::{Instant, sleep};

/// The interval between two looks at a child process that is about to end.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// The numbers of the groups of this process that live.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Kills all child processes of activities with the processes that they started, at once. For a process that is about to
/// end: the kernel ends the child processes with it, but not what those started.
pub fn kill_children() {
    for number in groups().iter() {
        if let Some(pid) = Pid::from_raw(*number) {
            kill(pid);
        }
    }
}

/// The set stays valid if a thread panics, as no code panics while it holds the lock.
fn groups() -> MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kill(group: Pid) {
    if let Err(error) = kill_process_group(group, Signal::KILL) {
        tracing::debug!(%error, "failed to kill the group of a child process");
    }
}

/// The group of a child process. Dropping it kills all of its processes.
///
/// It must be dropped before the child process is waited for: until then the number of the group cannot belong
/// to other processes, even if the child process has ended.
#[derive(Debug)]
pub(super) struct Group(Pid);

impl Group {
    /// The group that this child process leads.
    ///
    /// # Errors
    /// The child process was waited for already.
    pub(super) fn of(leader: &Child) -> Result<Self> {
        let pid = leader.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Error::other("the child process ended at once"))?;
        groups().insert(pid.as_raw_pid());
        Ok(Self(pid))
    }

    /// Whether the leader has neither ended nor been stopped (SIGSTOP). Does not wait for it.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.look(WaitIdOptions::EXITED | WaitIdOptions::STOPPED), Ok(None))
    }

    /// Whether the leader ends within a period.
    pub(super) async fn leader_ends_within(&self, period: Duration) -> bool {
        let deadline = Instant::now() + period;
        while matches!(self.look(WaitIdOptions::EXITED), Ok(None)) {
            if Instant::now() >= deadline {
                return false;
            }
            sleep(LOOK_INTERVAL).await;
        }
        true
    }

    fn look(&self, events: WaitIdOptions) -> rustix::io::Result<Option<rustix::process::WaitIdStatus>> {
        waitid(WaitId::Pid(self.0), events | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Under the lock: afterwards the number may be that of other processes.
        let mut groups = groups();
        kill(self.0);
        groups.remove(&self.0.as_raw_pid());
    }
}
