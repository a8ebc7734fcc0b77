//! What the system says of a process.

use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::PATIENCE;

/// Waits until no process has this id. A process whose parent ended may remain as a zombie where nothing waits for
/// such processes; it has ended nevertheless.
pub(crate) async fn ends(pid: Pid) {
    let start = Instant::now();
    while rustix::process::test_kill_process(pid).is_ok() && !is_zombie(pid) {
        assert!(start.elapsed() < PATIENCE, "{pid:?} lives on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Whether Linux shows a process as a zombie; `false` on other systems.
fn is_zombie(pid: Pid) -> bool {
    is_in_state(&format!("/proc/{}/stat", pid.as_raw_pid()), 'Z')
}

/// Whether Linux shows each thread of a process as stopped. The parent hears of the stop when the last one is, and
/// the first thread alone is what `/proc/PID/stat` shows.
pub(crate) fn is_stopped(pid: Pid) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_pid())).unwrap();
    threads
        .map(|thread| thread.unwrap().path().join("stat"))
        .all(|stat| is_in_state(stat.to_str().unwrap(), 'T'))
}

fn is_in_state(stat: &str, state: char) -> bool {
    let stat = std::fs::read_to_string(stat).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(state))
}
