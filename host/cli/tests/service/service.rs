//! The embedded service, and the command line on a service.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use host_server::{Listener, Options, Server, TimeControl};
use tempfile::TempDir;
use test_harness::{Output, run};
use tokio::runtime::Runtime;

/// The embedded service on a data folder of its own, in this process. Stopped when dropped.
pub(crate) struct Service {
    address: String,
    time: Option<TimeControl>,
    runtime: Runtime,
    _folder: TempDir,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// With time that [`Service::skip`] skips.
    pub(crate) fn skipping_time() -> Self {
        Self::start_with(Options { time_skipping: true, ..Options::default() })
    }

    fn start_with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let (address, time) = runtime.block_on(async {
            let server = Arc::new(Server::open(folder.path(), options).unwrap());
            let time = server.time_control();
            let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
            let address = listener.address();
            tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
            (address.to_string(), time)
        });
        Self { address, time, runtime, _folder: folder }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Skips so much time, once nothing is in progress.
    pub(crate) fn skip(&self, duration: Duration) {
        let time = self.time.as_ref().unwrap();
        let _skipped = time.skip();
        self.runtime.block_on(time.sleep(duration));
    }
}

/// `host …` without the settings of the user who runs the tests.
pub(crate) fn host(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
    command.args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TEMPORAL_")) {
        command.env_remove(name);
    }
    command.env("TEMPORAL_CONFIG_FILE", "/dev/null");
    command
}

/// Runs a command on the service at an address.
pub(crate) fn host_on(address: &str, arguments: &[&str]) -> Output {
    run(host(arguments).args(["--address", address])).unwrap()
}

/// Runs a command that must succeed, and gives its standard output.
pub(crate) fn succeed(address: &str, arguments: &[&str]) -> String {
    let output = host_on(address, arguments);
    assert_eq!(output.code, 0, "{arguments:?}: {}", output.stderr);
    output.stdout
}

/// Runs a command that asks, and answers it on its standard input.
pub(crate) fn answered(address: &str, arguments: &[&str], answer: &str) -> Output {
    let mut command = host(arguments);
    command.args(["--address", address]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code: ended.status.code().unwrap(), stdout: text(ended.stdout), stderr: text(ended.stderr) }
}
