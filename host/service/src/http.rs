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
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

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

/// Answers requests of HTTP/1 until `stop` ends.
pub async fn serve_http<A, F, B>(listener: TcpListener, answer: A, stop: impl Future<Output = ()>)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(MAX_HTTP_CONNECTIONS));
    let accept = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            let answer = answer.clone();
            tokio::spawn(async move {
                if let Err(error) = exchange(stream, answer).await {
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
}

/// All requests of a connection.
async fn exchange<A, F, B>(stream: TcpStream, answer: A) -> hyper::Result<()>
where
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
    if let Ok(ended) = timeout(CONNECTION_TIMEOUT, connection.as_mut()).await {
        return ended;
    }
    connection.as_mut().graceful_shutdown();
    timeout(EXCHANGE_TIMEOUT, connection).await.unwrap_or(Ok(()))
}
