//! Temporal's development server, where the machine has the `temporal` binary.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{Missing, embedded::DRAINAGE_INTERVAL, free_port};

/// Names the `temporal` binary, where it is not on PATH.
const BINARY: &str = "HOST_TEST_TEMPORAL";

/// How long the server may take to answer.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A development server of its own, in memory. Stopped when dropped.
#[derive(Debug)]
pub struct Temporal {
    child: Child,
    binary: PathBuf,
    address: String,
    http_address: String,
}

impl Temporal {
    /// The `temporal` binary of this machine.
    ///
    /// # Errors
    /// There is none.
    pub fn binary() -> Result<PathBuf, Missing> {
        if let Some(path) = std::env::var_os(BINARY).filter(|path| !path.is_empty()) {
            return Ok(path.into());
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|folder| folder.join("temporal"))
            .find(|file| file.is_file())
            .ok_or_else(|| {
                Missing::new(format!(
                    "no `temporal` on PATH and {BINARY} is not set; \
                     `go install github.com/temporalio/cli/cmd/temporal@v1.5.1` brings it"
                ))
            })
    }

    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// It cannot be started, or does not answer in time.
    pub fn start(binary: PathBuf) -> Result<Self> {
        Self::start_with(binary, &[])
    }

    /// As [`Temporal::start`], but the server looks every few seconds whether versions of worker deployments are drained,
    /// as [`Embedded`](crate::Embedded) does: by default it does so after three minutes.
    ///
    /// # Errors
    /// It cannot be started, or does not answer in time.
    pub fn start_draining_soon(binary: PathBuf) -> Result<Self> {
        let interval = |name: &str| format!("matching.wv.VersionDrainageStatus{name}={DRAINAGE_INTERVAL:?}");
        Self::start_with(binary, &[interval("VisibilityGracePeriod"), interval("RefreshInterval")])
    }

    fn start_with(binary: PathBuf, dynamic_config: &[String]) -> Result<Self> {
        let (port, http_port) = (free_port()?, free_port()?);
        let child = Command::new(&binary)
            .args(["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "error"])
            .args(["--http-port", &http_port.to_string()])
            .args(["--port", &port.to_string(), "--search-attribute", "CustomKeyword=Keyword"])
            // Off by default there, on in Temporal Cloud.
            .args(["--dynamic-config-value", "system.enableActivityEagerExecution=true"])
            .args(dynamic_config.iter().flat_map(|value| ["--dynamic-config-value", value.as_str()]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let [address, http_address] = [port, http_port].map(|port| format!("127.0.0.1:{port}"));
        let mut server = Self { child, binary, address, http_address };
        let deadline = Instant::now() + START_TIMEOUT;
        while !server.answers() {
            if let Some(status) = server.child.try_wait()? {
                bail!("the Temporal server ended at once: {status}");
            }
            if Instant::now() > deadline {
                bail!("the Temporal server does not answer on {}", server.address);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }

    /// Where it listens: host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where its HTTP API is: host and port.
    pub fn http_address(&self) -> &str {
        &self.http_address
    }

    /// A command line of the `temporal` CLI on this server.
    pub fn cli(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).args(["--address", &self.address]);
        command
    }

    fn answers(&self) -> bool {
        TcpStream::connect(&self.address).is_ok()
            && self
                .cli(&["operator", "cluster", "health"])
                .output()
                .is_ok_and(|output| output.status.success())
    }
}

impl Drop for Temporal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
