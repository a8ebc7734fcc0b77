//! `host run` and `host server` as processes.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Longest time until a process says what is waited for, or ends.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process of the host, killed when dropped.
pub(crate) struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    /// Copies what it says to the log.
    copy: JoinHandle<()>,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let copied = log.clone();
        let copy = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut bytes) {
                copied.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
        });
        Self { child, log, copy }
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until something is in its log.
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_until(&format!("it says {text:?}"), |log| log.contains(text));
    }

    /// Waits until its log is as it is to be, which `what` tells where that takes too long.
    pub(crate) fn wait_until(&mut self, what: &str, mut is: impl FnMut(&str) -> bool) {
        let since = Instant::now();
        while !is(&self.log.lock().unwrap()) {
            let ended = self.child.try_wait().unwrap().is_some();
            assert!(!ended, "it ended before {what}: {}", self.log());
            assert!(since.elapsed() < PATIENCE, "it takes too long until {what}: {}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Most resident memory that the process has had, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
    }

    /// How many files it has open.
    pub(crate) fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Where its service listens.
    pub(crate) fn address(&mut self) -> String {
        self.address_after("serving address=")
    }

    /// The address that follows a text in its log.
    pub(crate) fn address_after(&mut self, text: &str) -> String {
        self.wait_for(text);
        let log = self.log();
        let rest = log.split_once(text).unwrap().1;
        rest.split_whitespace().next().unwrap().to_owned()
    }

    /// Ctrl-C; answers all that it said.
    pub(crate) fn stop(self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.ended()
    }

    /// Waits until it ends; answers all that it said.
    pub(crate) fn ended(mut self) -> String {
        let since = Instant::now();
        // What it said last may come after its end.
        while self.child.try_wait().unwrap().is_none() || !self.copy.is_finished() {
            assert!(since.elapsed() < PATIENCE, "it does not end: {}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
        self.log()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
