//! The socket itself: who may have it, who may call, and its connections.

use std::{
    fs, io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    LOCK, SOCKET,
    answer::answer,
    protocol::{Reply, Request},
};
use crate::swap::Swapper;

/// Bytes of a request.
const MAX_REQUEST_BYTES: u64 = 64 * 1024;
/// Callers at one time; others wait.
const MAX_CALLERS: usize = 16;
/// How long a caller may take to say what it wants.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Replies that wait for a caller to read them: a slow one misses none, and slows down its check.
const QUEUED_REPLIES: usize = 16;

/// The socket of a host, and the right to have it: one host of a data folder does.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: fs::File,
}

/// Why a host has no socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another host of the data folder has it.
    #[error("another host on {} takes the commands of `host modules`", folder.display())]
    Taken {
        /// The data folder.
        folder: PathBuf,
    },
    /// The file system refuses. A path may have 107 bytes.
    #[error("make the socket {}", path.display())]
    Socket {
        /// The path of the socket.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl ControlSocket {
    /// Makes the socket in a data folder, which must be there. One that a killed host left is replaced.
    ///
    /// # Errors
    ///
    /// When another host has it, or the file system refuses.
    pub fn bind(data_folder: &Path) -> Result<Self, BindError> {
        let path = data_folder.join(SOCKET);
        let failed = |source| BindError::Socket { path: path.clone(), source };
        let lock = fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(data_folder.join(LOCK))
            .map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(BindError::Taken { folder: data_folder.to_owned() });
            }
            Err(error) => return Err(failed(error.into())),
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self { listener, path, _lock: lock })
    }

    /// Answers callers until `end`, and removes the socket.
    pub async fn serve(self, swapper: Swapper, end: CancellationToken) {
        let places = Arc::new(Semaphore::new(MAX_CALLERS));
        loop {
            let accepted = tokio::select! {
                () = end.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a caller of the control socket was lost");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
            let swapper = swapper.clone();
            tokio::spawn(async move {
                if let Err(error) = call(stream, swapper).await {
                    tracing::debug!(%error, "a caller of the control socket went away");
                }
                drop(place);
            });
        }
        let _ = fs::remove_file(&self.path);
    }
}

/// One caller. A swap that it asked for is carried out also when it goes away.
async fn call(stream: UnixStream, swapper: Swapper) -> io::Result<()> {
    let caller = stream.peer_cred()?;
    let (reader, mut writer) = stream.into_split();
    if caller.uid() != rustix::process::geteuid().as_raw() {
        let message = "this host belongs to another user".to_owned();
        return send(&mut writer, &Reply::Failed { message }).await;
    }
    let who = match caller.pid() {
        Some(pid) => format!("user {}, process {pid}", caller.uid()),
        None => format!("user {}", caller.uid()),
    };
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(MAX_REQUEST_BYTES));
    match timeout(REQUEST_TIMEOUT, reader.read_line(&mut line)).await {
        Ok(read) => drop(read?),
        Err(elapsed) => return Err(elapsed.into()),
    }
    let request = match serde_json::from_str::<Request>(&line) {
        Ok(request) => request,
        Err(error) => {
            let message = format!("the request is not one that this version of the host knows: {error}");
            return send(&mut writer, &Reply::Failed { message }).await;
        }
    };
    tracing::info!(who, ?request, "a command came by the control socket");
    let (replies, mut replied) = mpsc::channel(QUEUED_REPLIES);
    let answered = tokio::spawn(async move {
        let last = answer(request, who, &swapper, &replies).await;
        // The caller may have gone.
        let _ = replies.send(last).await;
    });
    while let Some(reply) = replied.recv().await {
        send(&mut writer, &reply).await?;
    }
    if answered.await.is_err() {
        let message = "the host failed to answer: this is a bug".to_owned();
        return send(&mut writer, &Reply::Failed { message }).await;
    }
    Ok(())
}

async fn send(writer: &mut tokio::net::unix::OwnedWriteHalf, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
