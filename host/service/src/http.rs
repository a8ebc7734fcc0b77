//! Small HTTP servers beside the service, such as those of metrics and of codecs: what each of them bounds, so that no
//! client takes the files or the memory of the process.

use std::{error::Error, future::Future, io, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_stream::{Stream, StreamExt as _, wrappers::TcpListenerStream};

/// Connections at one time; others wait until one is closed. A browser opens six, a scraper one. The gRPC listener of the
/// embedded service leaves 256 files for these and all else.
pub const MAX_HTTP_CONNECTIONS: usize = 64;
/// How long a client may take for the head of a request; an open connection without a request is closed then.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time from the head of a request to the head of its answer; the body of the request comes in it.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may be open: that of a client that does not read its answer ends too.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(300);
/// The pause after the system refused a connection, mostly for lack of files.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers requests of HTTP/1 until `stop` ends, over at most [`MAX_HTTP_CONNECTIONS`] at one time.
pub async fn serve_http<A, F, B>(listener: TcpListener, answer: A, stop: impl Future<Output = ()>)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    serve_http_on(TcpListenerStream::new(listener), MAX_HTTP_CONNECTIONS, answer, stop).await;
}

/// Answers requests of HTTP/1 until `stop` ends, over connections as they come and at most so many at one time. What was
/// asked before is answered; connections end then.
pub async fn serve_http_on<C, A, F, B>(
    mut connections: impl Stream<Item = io::Result<C>> + Unpin,
    at_most: usize,
    answer: A,
    stop: impl Future<Output = ()>,
) where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(at_most));
    let (open, is_open) = watch::channel(());
    let mut exchanges = JoinSet::new();
    let accept = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let stream = match connections.next().await {
                Some(Ok(stream)) => stream,
                Some(Err(_)) => {
                    sleep(PAUSE).await;
                    continue;
                }
                None => return,
            };
            while exchanges.try_join_next().is_some() {}
            let (answer, is_open) = (answer.clone(), is_open.clone());
            exchanges.spawn(async move {
                if let Err(error) = exchange(stream, answer, is_open).await {
                    tracing::debug!(%error, "an HTTP connection ended");
                }
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
    drop(open);
    while exchanges.join_next().await.is_some() {}
}

/// All requests of a connection, until it ends or none is to be answered any more.
async fn exchange<C, A, F, B>(stream: C, answer: A, mut is_open: watch::Receiver<()>) -> hyper::Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    let answer = service_fn(|request| {
        let answer = timeout(EXCHANGE_TIMEOUT, answer(request));
        async { answer.await.map_err(io::Error::from) }
    });
    let mut server = http1::Builder::new();
    let server = server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), answer));
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _closed = is_open.changed() => {}
        () = sleep(CONNECTION_TIMEOUT) => {}
    }
    connection.as_mut().graceful_shutdown();
    timeout(EXCHANGE_TIMEOUT, connection).await.unwrap_or(Ok(()))
}

/// Whether the `Host` of a request is a name of this machine, with any port: a tunnel may end at another one. Other sites in
/// a browser of this machine reach its addresses under names that they had resolved to it.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine() {
        for (host, expected) in [
            ("127.0.0.1:8233", true),
            ("127.0.0.1", true),
            ("localhost:9000", true),
            ("LocalHost:8233", true),
            ("[::1]:8233", true),
            ("127.3.2.1:8233", true),
            ("evil.example:8233", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example:8233", false),
            ("192.168.1.4:8233", false),
            ("[::]:8233", false),
            ("", false),
        ] {
            assert_eq!(is_this_machine(host), expected, "{host}");
        }
    }
}
