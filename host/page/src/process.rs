//! What the host's process takes of its machine, over the last minutes: processor time, memory, open files.
//!
//! As Linux tells it in `/proc/self`. Elsewhere there is nothing to show.

use std::{
    collections::VecDeque,
    fs,
    sync::Mutex,
    time::{Duration, Instant},
};

/// How often the process is looked at.
const INTERVAL: Duration = Duration::from_secs(2);
/// Samples that are kept: those of 10 minutes.
const MAX_SAMPLES: usize = 300;

/// Ticks of processor time in a second: what the kernel of Linux tells programs on all machines (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// What the process took at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Processors that it kept busy since the sample before, such as 1.5.
    pub(crate) processors: f64,
    /// Resident memory in bytes.
    pub(crate) memory_bytes: f64,
    /// Open files, sockets among them.
    pub(crate) files: f64,
}

/// The samples of the last 10 minutes.
#[derive(Debug, Default)]
pub(crate) struct Samples(Mutex<VecDeque<Sample>>);

impl Samples {
    /// The earliest first.
    pub(crate) fn all(&self) -> Vec<Sample> {
        self.0.lock().map(|samples| samples.iter().copied().collect()).unwrap_or_default()
    }

    fn push(&self, sample: Sample) {
        if let Ok(mut samples) = self.0.lock() {
            samples.push_back(sample);
            if samples.len() > MAX_SAMPLES {
                samples.pop_front();
            }
        }
    }

    /// Looks at the process now and then, as long as the future is polled. Ends at once where nothing can be told.
    pub(crate) async fn gather(&self) {
        let Some(mut before) = ticks() else { return };
        let mut looked = Instant::now();
        loop {
            tokio::time::sleep(INTERVAL).await;
            let Some(now) = ticks() else { return };
            let busy = (now - before) / TICKS_PER_SECOND;
            let sample = Sample {
                processors: busy / looked.elapsed().as_secs_f64(),
                memory_bytes: memory().unwrap_or_default(),
                files: files(),
            };
            (before, looked) = (now, Instant::now());
            self.push(sample);
        }
    }
}

fn ticks() -> Option<f64> {
    ticks_of(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// The processor time of all threads, in ticks: `utime` and `stime` of proc(5).
fn ticks_of(stat: &str) -> Option<f64> {
    // The name of the program may have blanks and parentheses.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The resident memory, in bytes.
fn memory() -> Option<f64> {
    memory_of(&fs::read_to_string("/proc/self/status").ok()?)
}

fn memory_of(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024.0)
}

fn files() -> f64 {
    let count = fs::read_dir("/proc/self/fd").map(Iterator::count).unwrap_or_default();
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_is_read() {
        let stat =
            "7 (a ) b) S 1 7 7 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 4 0 100 1000 20 18446744073709551615";
        assert_eq!(ticks_of(stat), Some(300.0));
        assert_eq!(ticks_of("7 (a"), None);
        assert_eq!(memory_of("VmPeak:\t 9 kB\nVmRSS:\t    2048 kB\n"), Some(2_097_152.0));
        assert_eq!(memory_of(""), None);
    }

    #[test]
    fn the_latest_samples_are_kept() {
        let samples = Samples::default();
        for files in 0..400_u32 {
            samples.push(Sample { files: f64::from(files), ..Sample::default() });
        }
        let all = samples.all();
        assert_eq!((all.len(), all[0].files, all[MAX_SAMPLES - 1].files), (MAX_SAMPLES, 100.0, 399.0));
    }
}
