//! What processes have taken so far, as the kernel says (Linux; elsewhere nothing is known).

use std::{collections::BTreeMap, fs, time::Duration};

/// The kernel's clock tick for user space, in milliseconds, on every architecture that Linux runs on.
const TICK_MS: u64 = 10;

/// Processor time of this process, all threads together, also those that have ended.
pub fn cpu_time() -> Option<Duration> {
    used("/proc/self/stat")
}

/// The same of another process.
pub fn cpu_time_of(process: u32) -> Option<Duration> {
    used(&format!("/proc/{process}/stat"))
}

/// Processor time of a process by its threads' names, those with a number at their end together; of
/// threads that are there now.
pub fn cpu_time_of_threads(process: u32) -> BTreeMap<String, Duration> {
    let mut threads = BTreeMap::new();
    for thread in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
        let folder = thread.path();
        let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        let used = folder.join("stat").to_str().and_then(used);
        let name = name.trim().trim_end_matches(|letter: char| letter == '-' || letter.is_ascii_digit());
        *threads.entry(name.to_owned()).or_default() += used.unwrap_or_default();
    }
    threads
}

/// Processor time that anybody has used, the kernel and other machines included.
pub fn cpu_time_of_all() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    // user, nice, system, idle, iowait, irq, softirq, steal
    let ticks: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).map_while(|ticks| ticks.parse().ok()).collect();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some(Duration::from_millis(TICK_MS * (ticks.iter().take(8).sum::<u64>() - idle)))
}

/// User and system time that a `stat` file tells.
fn used(path: &str) -> Option<Duration> {
    let stat = fs::read_to_string(path).ok()?;
    // The name, in parentheses, may have spaces in it. User and system time are fields 14 and 15.
    let fields = stat.rsplit_once(") ")?.1;
    let ticks = |index: usize| fields.split(' ').nth(index)?.parse::<u64>().ok();
    Some(Duration::from_millis(TICK_MS * (ticks(11)? + ticks(12)?)))
}

/// Makes [`peak_bytes`] start again.
pub fn reset_peak() {
    // Where it is not allowed, peaks of earlier measurements stay; the table then says too much.
    fs::write("/proc/self/clear_refs", "5").ok();
}

/// Most bytes that were resident since [`reset_peak`].
pub fn peak_bytes() -> Option<u64> {
    status("VmHWM:")
}

/// Bytes that are resident now.
pub fn resident_bytes() -> Option<u64> {
    status("VmRSS:")
}

fn status(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
}
