//! What was measured, and whether it is within its bounds.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::host::Sample;

/// The 99th percentile of honest workflows, on two cores that the hostile modules keep busy.
const MAX_P99: Duration = Duration::from_millis(250);
/// Bytes by which a host may grow from the first half of its life to the end, whatever ran on it.
const MAX_GROWTH_BYTES: u64 = 96 << 20;
/// Bytes that a closed workflow may leave in memory until its retention is over: its row in lists.
const BYTES_OF_A_WORKFLOW: u64 = 1_024;
/// File descriptors and threads that come and go.
const MAX_MORE_FILES: u64 = 64;
const MAX_MORE_THREADS: u64 = 32;
/// How long around a restart workflows are not measured.
const AROUND_RESTART: Duration = Duration::from_secs(5);
/// Lines of the table.
const LINES: u32 = 30;

pub(crate) struct Report {
    begin: Instant,
    /// Between two lines.
    line: Duration,
    lines: u32,
    /// When each workflow was due, and how long it took.
    honest: Vec<(Instant, Duration)>,
    /// Of the process that runs now.
    samples: Vec<Sample>,
    /// Workflows that had ended when it started.
    before: usize,
    restarts: Vec<(Instant, Instant)>,
}

impl Report {
    pub(crate) fn new(period: Duration) -> Self {
        let names = ["seconds", "workflows", "p50", "p99", "MiB", "files", "threads"];
        println!("{}", names.map(|name| format!("{name:>10}")).join(" "));
        Self {
            begin: Instant::now(),
            line: period / LINES,
            lines: 0,
            honest: Vec::new(),
            samples: Vec::new(),
            before: 0,
            restarts: Vec::new(),
        }
    }

    pub(crate) fn honest(&mut self, workflow: (Instant, Duration)) {
        self.honest.push(workflow);
    }

    pub(crate) fn sample(&mut self, sample: Sample) {
        self.samples.push(sample);
        if self.begin.elapsed() >= self.line * (self.lines + 1) {
            self.lines += 1;
            let since = Instant::now().checked_sub(self.line).unwrap_or(self.begin);
            let [p50, p99] = self.percentiles(since);
            println!(
                "{:>10} {:>10} {:>7} ms {:>7} ms {:>10} {:>10} {:>10}",
                self.begin.elapsed().as_secs(),
                self.honest.len(),
                p50.as_millis(),
                p99.as_millis(),
                sample.resident_bytes >> 20,
                sample.files,
                sample.threads,
            );
        }
    }

    /// The host was killed, and another one polls.
    pub(crate) fn restarted(&mut self, killed: Instant, ready: Instant) {
        println!("{:>10} killed", self.begin.elapsed().as_secs());
        self.restarts.push((killed, ready));
        self.samples.clear();
        self.before = self.honest.len();
    }

    /// Median and 99th percentile of the workflows that were due since then, and not around a restart.
    fn percentiles(&self, since: Instant) -> [Duration; 2] {
        let disturbed = |due: Instant| {
            let mut restarts = self.restarts.iter();
            restarts.any(|&(killed, ready)| due + AROUND_RESTART > killed && due < ready + AROUND_RESTART)
        };
        let mut times: Vec<_> = self
            .honest
            .iter()
            .filter(|(due, _)| *due >= since && !disturbed(*due))
            .map(|(_, time)| *time)
            .collect();
        times.sort();
        [50, 99].map(|percent| {
            times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
        })
    }

    /// Whether all is within its bounds. Growth is that of the last process: from the most that it had in its second
    /// fifth, when all modules have been used, to the most of its last fifth.
    pub(crate) fn verdict(&self) -> Result<()> {
        let [p50, p99] = self.percentiles(self.begin);
        println!("{} workflows, p50 {p50:?}, p99 {p99:?}", self.honest.len());
        let fifth = self.samples.len() / 5;
        ensure!(fifth > 0, "the host did not live long enough to be measured");
        let most =
            |samples: &[Sample], value: fn(&Sample) -> u64| samples.iter().map(value).max().unwrap_or(0);
        let (early, late) = (&self.samples[fifth..2 * fifth], &self.samples[self.samples.len() - fifth..]);
        let growth = |value: fn(&Sample) -> u64| most(late, value).saturating_sub(most(early, value));
        let bytes = growth(|sample| sample.resident_bytes);
        let closed = (self.honest.len() - self.before) as u64;
        println!("grew by {} KiB while {closed} workflows ran", bytes >> 10);
        let allowed = MAX_GROWTH_BYTES + closed * BYTES_OF_A_WORKFLOW;
        ensure!(bytes <= allowed, "the host grew by {bytes} bytes, more than {allowed}");
        let files = growth(|sample| sample.files);
        ensure!(files <= MAX_MORE_FILES, "the host has {files} more files open");
        let threads = growth(|sample| sample.threads);
        ensure!(threads <= MAX_MORE_THREADS, "the host has {threads} more threads");
        // Without optimization, or beside other work, it says nothing.
        ensure!(
            cfg!(debug_assertions) || p99 <= MAX_P99,
            "the 99th percentile is {p99:?}, more than {MAX_P99:?}"
        );
        Ok(())
    }
}
