//! What this process has taken so far, as the kernel says (Linux; elsewhere nothing is known).

use std::{fs, time::Duration};

/// The kernel's clock ticks for user space, on every architecture that Linux runs on.
const TICK: Duration = Duration::from_millis(10);

/// Processor time, all threads together, also those that have ended.
pub fn cpu_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in parentheses, may have spaces in it. User and system time are fields 14 and 15.
    let fields = stat.rsplit_once(") ")?.1;
    let ticks = |index: usize| fields.split(' ').nth(index)?.parse::<u32>().ok();
    Some(TICK * (ticks(11)? + ticks(12)?))
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
