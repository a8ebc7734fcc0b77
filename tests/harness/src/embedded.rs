//! The embedded service as a process of its own: `host server`.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{binary, free_port};

/// How long the service may take to answer.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a service of tests looks whether a version of a worker deployment is drained.
pub(crate) const DRAINAGE_INTERVAL: &str = "2s";

/// The embedded service, on a data folder of its own. Stopped when dropped.
#[derive(Debug)]
pub struct Embedded {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Embedded {
    /// Starts the service and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, or does not answer in time.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let child = Command::new(binary("host")?)
            .args([
                "server",
                "--listen",
                &address,
                "--search-attribute",
                "CustomKeyword=Keyword",
                "--drainage-interval",
                DRAINAGE_INTERVAL,
                "--data-dir",
            ])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start `host server`")?;
        let mut server = Self { child, address, _folder: folder };
        let deadline = Instant::now() + START_TIMEOUT;
        while std::net::TcpStream::connect(&server.address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("`host server` ended at once: {status}");
            }
            if Instant::now() > deadline {
                bail!("`host server` does not answer on {}", server.address);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Where it listens: host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
