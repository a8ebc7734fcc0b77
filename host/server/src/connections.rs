//! Connections of clients, as many as there are files for. A connection that never speaks is closed.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tokio_stream::Stream;
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::{tls::ListenerTls, transport::Transport};

/// Most connections at once, where the system has files for them. Others wait until one is closed.
const CONNECTIONS: u64 = 10_000;
/// Files that connections leave for those of the HTTP API, SQLite, modules, activities and all else.
const RESERVED_FILES: u64 = 768;
/// The part of the files that is reserved where that is less.
const RESERVED_PART: u64 = 4;
/// Most connections of the HTTP API at once, and the part of the files that they take at most where that is less.
const HTTP_CONNECTIONS: u64 = 512;
const HTTP_PART: u64 = 16;
/// The pause after the system refused a connection, mostly for lack of files.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest time from the connection of a client to its first byte of HTTP, the handshake of TLS included.
const FIRST_BYTE: Duration = Duration::from_secs(5);

/// Connections as they come, up to a bound; never ends.
pub(crate) struct Incoming {
    next: Pin<Box<dyn Future<Output = (Connection, Connections)> + Send>>,
}

impl Incoming {
    /// As many connections at once as the process may have files, but for a reserve.
    pub(crate) fn new(listener: TcpListener, tls: Option<ListenerTls>) -> Self {
        Self { next: Box::pin(Connections::new(listener, tls).next()) }
    }
}

impl Stream for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (connection, connections) = ready!(self.next.as_mut().poll(context));
        self.next = Box::pin(connections.next());
        Poll::Ready(Some(Ok(connection)))
    }
}

/// Accepts connections while there is room.
struct Connections {
    listener: TcpListener,
    tls: Option<ListenerTls>,
    room: Arc<Semaphore>,
    /// Whether the last attempt was refused, so that the log has one line of it.
    refused: bool,
}

impl Connections {
    fn new(listener: TcpListener, tls: Option<ListenerTls>) -> Self {
        let most = files().map_or(CONNECTIONS, most_connections);
        let room = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { listener, tls, room, refused: false }
    }

    /// The next connection, and what accepts those after it. Never an error: those of the system pass.
    async fn next(mut self) -> (Connection, Self) {
        if self.room.available_permits() == 0 {
            tracing::warn!(
                "as many connections are open as there are files for; others wait until one is closed"
            );
        }
        let room = self.room.clone().acquire_owned().await;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    self.refused = false;
                    // Small messages are answered at once.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "failed to set TCP_NODELAY");
                    }
                    let info = stream.connect_info();
                    let stream = match &mut self.tls {
                        Some(tls) => Transport::New(stream, tls.acceptor().await, tls.protocol()),
                        None => Transport::Plain(stream),
                    };
                    let first = Some(Box::pin(sleep(FIRST_BYTE)));
                    return (Connection { stream, info, first, _room: room.ok() }, self);
                }
                Err(error) => {
                    if !self.refused {
                        tracing::warn!(%error, "failed to accept a connection; trying again until it works");
                    }
                    self.refused = true;
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// The bound for a process that may have so many files.
fn most_connections(files: u64) -> u64 {
    let reserved = RESERVED_FILES.min(files / RESERVED_PART);
    files.saturating_sub(reserved).clamp(1, CONNECTIONS)
}

/// The bound for connections of the HTTP API.
pub(crate) fn most_http_connections() -> usize {
    let most = files().map_or(HTTP_CONNECTIONS, |files| (files / HTTP_PART).clamp(1, HTTP_CONNECTIONS));
    usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS)
}

/// How many files the process may have open, if there is a bound.
fn files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// Raises the soft limit of open files of this process to its hard limit; answers the limit.
///
/// # Errors
///
/// When the system refuses.
pub fn raise_file_limit() -> io::Result<Option<u64>> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(maximum)
}

/// A connection of a client.
pub(crate) struct Connection {
    stream: Transport,
    info: TcpConnectInfo,
    /// Runs until the client has sent something.
    first: Option<Pin<Box<Sleep>>>,
    /// Given back when the connection is dropped. The semaphore is never closed, so there is one.
    _room: Option<OwnedSemaphorePermit>,
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.info.clone()
    }
}

impl Connection {
    /// Does the handshake of TLS, where there is one; a client that takes too long is told to go.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ready = self.stream.poll_ready(context);
        if ready.is_pending() { self.poll_silence(context) } else { ready }
    }

    /// Ready with an error once the client has been silent from the beginning for too long.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.first {
            Some(first) => {
                ready!(first.as_mut().poll(context));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client sent nothing")))
            }
            None => Poll::Pending,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            self.first = None;
            return Poll::Ready(read);
        }
        self.poll_silence(context)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_ready(context))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_ready(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_ready(context))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_rest() {
        for (files, expected) in
            [(1, 1), (64, 48), (256, 192), (1_024, 768), (4_096, 3_328), (1 << 20, 10_000)]
        {
            assert_eq!(most_connections(files), expected, "{files} files");
        }
    }
}
