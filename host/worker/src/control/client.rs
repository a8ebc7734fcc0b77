//! The caller's end of the socket.

use std::{
    io,
    path::{Path, PathBuf},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
};

use super::{
    SOCKET,
    protocol::{Reply, Request},
};
use crate::gate::Tally;

/// A connection to the host that runs on a data folder, for one request.
#[derive(Debug)]
pub struct ControlClient {
    stream: UnixStream,
    path: PathBuf,
}

/// Why a host did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The socket cannot be used.
    #[error("talk to the host at {}", path.display())]
    Socket {
        /// The path of the socket.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The answer is not one: the host is of another version.
    #[error("understand the host at {}: is it of another version?", path.display())]
    Answer {
        /// The path of the socket.
        path: PathBuf,
        /// What is wrong with the answer.
        source: serde_json::Error,
    },
    /// The host ended before it answered. What it was asked to do is done whole, or not at all.
    #[error("the host at {} ended before it answered", path.display())]
    Ended {
        /// The path of the socket.
        path: PathBuf,
    },
    /// The host refused.
    #[error("{0}")]
    Refused(String),
}

impl ControlClient {
    /// Connects to the host that runs on a data folder. Nothing when none does.
    ///
    /// # Errors
    ///
    /// When the socket is there and cannot be used, for example because it belongs to another user.
    pub async fn connect(data_folder: &Path) -> Result<Option<Self>, AskError> {
        let path = data_folder.join(SOCKET);
        match UnixStream::connect(&path).await {
            Ok(stream) => Ok(Some(Self { stream, path })),
            // Nothing there, or what a killed host left.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Ok(None)
            }
            Err(source) => Err(AskError::Socket { path, source }),
        }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    ///
    /// When the host refuses, ends, or cannot be understood.
    pub async fn ask(
        self,
        request: &Request,
        mut progress: impl FnMut(Option<u64>, Tally),
    ) -> Result<Reply, AskError> {
        let Self { mut stream, path } = self;
        let answer = |source| AskError::Answer { path: path.clone(), source };
        let mut line = serde_json::to_vec(request).map_err(answer)?;
        line.push(b'\n');
        let socket = |source| AskError::Socket { path: path.clone(), source };
        stream.write_all(&line).await.map_err(socket)?;
        let mut replies = BufReader::new(stream).lines();
        while let Some(line) = replies.next_line().await.map_err(socket)? {
            match serde_json::from_str(&line).map_err(answer)? {
                Reply::Progress { about, runs } => progress(about, runs),
                Reply::Failed { message } => return Err(AskError::Refused(message)),
                reply => return Ok(reply),
            }
        }
        Err(AskError::Ended { path: path.clone() })
    }
}
