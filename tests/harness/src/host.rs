//! A host as a process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{binary, share_compiled};

/// Longest time until a host polls, logs an expected line, or stops.
const TIMEOUT: Duration = Duration::from_secs(180);

/// Part of the line that a host logs once it polls.
const READY: &str = "polling task queue";

/// Arguments of `host run`.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// The binary: `host`, or that of a sample.
    pub binary: String,
    /// The service it works for.
    pub service: Service,
    /// The task queue that it polls.
    pub task_queue: String,
    /// Module files and folders, `--modules`.
    pub modules: Vec<PathBuf>,
    /// The data folder, `--data-dir`.
    pub data_dir: PathBuf,
    /// Further arguments.
    pub arguments: Vec<String>,
}

/// The service that a host works for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// One in its own process, which others reach on this address.
    Embedded {
        /// Host and port.
        listen: String,
    },
    /// One that runs elsewhere.
    Remote {
        /// Host and port.
        address: String,
    },
}

impl Service {
    /// Where others reach it.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::Embedded { listen: address } | Self::Remote { address } => address,
        }
    }
}

/// A host that runs. Killed when dropped.
#[derive(Debug)]
pub struct Host {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Host {
    /// Starts a host, which has what tests compiled before it, and waits until it polls.
    ///
    /// # Errors
    /// It cannot be started, ends, or is not ready in time; the error has its log.
    pub fn start(options: &HostOptions) -> Result<Self> {
        share_compiled(&options.data_dir)?;
        Self::start_program(&binary(&options.binary)?, options)
    }

    /// Starts a host with a binary that is built already and waits until it polls. It compiles its modules.
    ///
    /// # Errors
    /// As [`Host::start`].
    pub fn start_program(program: &Path, options: &HostOptions) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["run", "--task-queue", &options.task_queue]);
        match &options.service {
            // What the environment names would be used instead of the embedded service.
            Service::Embedded { listen } => {
                command.args(["--listen", listen, "--disable-config-env", "--disable-config-file"])
            }
            Service::Remote { address } => command.args(["--address", address]),
        };
        command.arg("--data-dir").arg(&options.data_dir);
        for module in &options.modules {
            command.arg("--modules").arg(module);
        }
        command.args(&options.arguments);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the host")?;
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().context("no standard error")?;
        std::thread::spawn({
            let log = log.clone();
            move || copy(stderr, &log)
        });
        let mut host = Self { child, log };
        host.wait_for_log(READY)?;
        Ok(host)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard error so far.
    pub fn log(&self) -> String {
        self.log.lock().map(|log| log.clone()).unwrap_or_default()
    }

    /// The same as it grows, also once the host has ended.
    pub fn log_handle(&self) -> Arc<Mutex<String>> {
        Arc::clone(&self.log)
    }

    /// Waits until its log contains a text.
    ///
    /// # Errors
    /// It ends first, or time runs out.
    pub fn wait_for_log(&mut self, text: &str) -> Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            // First the status, then the log: what it wrote before it ended counts.
            let status = self.child.try_wait()?;
            if self.log().contains(text) {
                return Ok(());
            }
            if let Some(status) = status {
                bail!("the host ended with {status} before it said {text:?}: {}", self.log());
            }
            if Instant::now() > deadline {
                bail!("the host did not say {text:?}: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ctrl-C.
    ///
    /// # Errors
    /// It cannot be signalled.
    pub fn interrupt(&self) -> Result<()> {
        let interrupted = Command::new("kill").args(["-INT", &self.pid().to_string()]).status()?;
        anyhow::ensure!(interrupted.success(), "cannot signal the host");
        Ok(())
    }

    /// Stops it as a user does with Ctrl-C, and waits for its end.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn stop(mut self) -> Result<i32> {
        self.interrupt()?;
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.code().unwrap_or(-1));
            }
            if Instant::now() > deadline {
                bail!("the host does not stop: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// A command line of the `host` binary for this service.
    ///
    /// # Errors
    /// The binary does not build.
    pub fn cli(address: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(binary("host")?);
        command.args(arguments).args(["--address", address]);
        Ok(command)
    }

    /// Copies a file into place as editors and build tools do: under another name, then renamed.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn replace_file(from: &Path, to: &Path) -> Result<()> {
        let draft = to.with_extension("draft");
        std::fs::copy(from, &draft)?;
        std::fs::rename(&draft, to)?;
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn copy(mut from: impl std::io::Read, to: &Mutex<String>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if let Ok(mut log) = to.lock() {
            log.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    }
}
