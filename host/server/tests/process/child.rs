//! The service as a child process: this test's own executable, which serves instead of testing.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use host_server::{Listener, Options, Server};
use host_service::workflow_service_client::WorkflowServiceClient;
use tonic::transport::Channel;

/// Folder for the child to serve; unset in the test itself.
const CHILD_FOLDER: &str = "HOST_SERVED_TEST_FOLDER";
/// Variable of the service with a place and how often it is passed before.
const FAIL_POINT: &str = "HOST_FAIL_POINT";

pub(crate) type Client = WorkflowServiceClient<Channel>;

/// The folder that this process is to serve; in the test itself there is none.
pub(crate) fn folder_to_serve() -> Option<PathBuf> {
    env::var_os(CHILD_FOLDER).map(PathBuf::from)
}

/// Serves a folder until the process is killed.
pub(crate) fn serve(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = Server::open(folder, Options::default()).unwrap();
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        eprintln!("listening on {}", listener.address());
        server.serve(listener, std::future::pending()).await.unwrap();
    });
}

pub(crate) async fn connect(address: &Mutex<String>) -> Client {
    loop {
        let url = format!("http://{}", address.lock().unwrap());
        if let Ok(client) = Client::connect(url).await {
            return client;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A command line whose further arguments run as a command. In front of that, a file system in memory is
/// mounted on `folder` and `ballast` bytes of it are taken. Only the command sees it.
pub(crate) fn in_small_file_system(folder: &Path, size: usize, ballast: usize) -> Command {
    let script = format!(
        "mount -t tmpfs -o size={size} tmpfs \"$FOLDER\" && \
         head -c {ballast} /dev/zero > \"$FOLDER/ballast\" && exec \"$0\" \"$@\""
    );
    let mut command = Command::new("unshare");
    command.args(["-r", "-m", "sh", "-c", &script]).env("FOLDER", folder);
    command
}

/// The service in a process of its own.
pub(crate) struct Service {
    child: Child,
}

impl Service {
    /// Serves a folder, and says where in `address`.
    pub(crate) fn start(folder: &Path, address: &Mutex<String>, fail_point: Option<String>) -> Self {
        let ends = fail_point.is_some();
        let mut command = Command::new(env::current_exe().unwrap());
        command.envs(fail_point.map(|fail_point| (FAIL_POINT, fail_point)));
        match Self::spawn(command, folder, address) {
            Ok(service) => service,
            // It may have come to its place while it brought the second file to the end of the log.
            Err(_) if ends => Self::start(folder, address, None),
            Err(said) => panic!("the service did not start: {said:#?}"),
        }
    }

    /// Serves a folder in a file system of `size` bytes, of which `free` are left.
    pub(crate) fn start_with_room(folder: &Path, address: &Mutex<String>, size: usize, free: usize) -> Self {
        let mut command = in_small_file_system(folder, size, size - free);
        command.arg(env::current_exe().unwrap());
        Self::spawn(command, folder, address)
            .unwrap_or_else(|said| panic!("the service did not start: {said:#?}"))
    }

    /// Serves a folder in a process that may have so many files.
    pub(crate) fn start_with_files(folder: &Path, address: &Mutex<String>, files: u32) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {files} && exec \"$0\"")]).arg(env::current_exe().unwrap());
        Self::spawn(command, folder, address)
            .unwrap_or_else(|said| panic!("the service did not start: {said:#?}"))
    }

    /// Adds to a command what makes it serve. If it does not, answers what it said.
    fn spawn(mut command: Command, folder: &Path, address: &Mutex<String>) -> Result<Self, Vec<String>> {
        let child = command
            .env(CHILD_FOLDER, folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| vec![error.to_string()])?;
        let mut service = Self { child };
        let mut said = Vec::new();
        for line in BufReader::new(service.child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(found) = line.strip_prefix("listening on ") {
                found.clone_into(&mut address.lock().unwrap());
                return Ok(service);
            }
            said.push(line);
        }
        Err(said)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it ends by itself.
    pub(crate) async fn has_ended_within(&mut self, time: Duration) -> bool {
        const STEP: Duration = Duration::from_millis(20);
        let mut waited = Duration::ZERO;
        while waited < time {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            tokio::time::sleep(STEP).await;
            waited += STEP;
        }
        false
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
