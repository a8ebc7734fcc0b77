//! What the host's process takes of its machine, over the last minutes: processor time, memory, open files.
//! They are those of the metrics `process_…`.

use std::{
    collections::VecDeque,
    sync::Mutex,
    time::{Duration, Instant},
};

use metrics_process::collector::collect;

/// How often the process is looked at.
const INTERVAL: Duration = Duration::from_secs(2);
/// Samples that are kept: those of 10 minutes.
const MAX_SAMPLES: usize = 300;

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
        let Some(mut before) = collect().cpu_seconds_total else { return };
        let mut looked = Instant::now();
        loop {
            tokio::time::sleep(INTERVAL).await;
            let process = collect();
            let Some(now) = process.cpu_seconds_total else { return };
            self.push(Sample {
                processors: (now - before) / looked.elapsed().as_secs_f64(),
                memory_bytes: count(process.resident_memory_bytes.map(|bytes| bytes >> 10)) * 1_024.0,
                files: count(process.open_fds),
            });
            (before, looked) = (now, Instant::now());
        }
    }
}

/// A number that a plot can show: 0 where it is not told.
fn count(number: Option<u64>) -> f64 {
    f64::from(u32::try_from(number.unwrap_or_default()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_told_of() {
        let process = collect();
        assert!(process.cpu_seconds_total.is_some());
        assert!(count(process.resident_memory_bytes.map(|bytes| bytes >> 10)) > 1_024.0);
        assert!(count(process.open_fds) >= 1.0);
        assert_eq!((count(None), count(Some(u64::MAX))), (0.0, f64::from(u32::MAX)));
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
