//! The bytes of a connection: as they are, or through TLS. The handshake is part of the first read or write, so that it
//! holds up no other connection.

use std::{
    io,
    mem::replace,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{FallibleAccept, TlsAcceptor, server::TlsStream};

/// The first byte of a client that speaks TLS: a record with a handshake (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 0x16;
/// Most bytes that are read and dropped of a client that is refused, so that it reads why before the connection ends: the
/// system drops what was sent when a connection is closed with bytes that were not read.
const DROPPED_BYTES: usize = 64 * 1024;
/// What a client reads that does not speak TLS.
const SPEAKS_TLS: &str = "this service speaks TLS: connect with TLS";

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// gRPC, over HTTP/2.
    Grpc,
    /// The HTTP API, over HTTP/1.1.
    Http,
}

impl Protocol {
    /// Its name in the handshake of TLS (RFC 7301).
    pub(crate) fn alpn(self) -> &'static [u8] {
        match self {
            Self::Grpc => b"h2",
            Self::Http => b"http/1.1",
        }
    }

    /// What tells a client without TLS to use it.
    fn refusal(self) -> Vec<u8> {
        match self {
            Self::Grpc => goodbye(SPEAKS_TLS.as_bytes()),
            Self::Http => format!(
                "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n\
                 {SPEAKS_TLS}\n",
                SPEAKS_TLS.len() + 1
            )
            .into_bytes(),
        }
    }
}

/// The bytes of a connection.
pub(crate) enum Transport {
    Plain(TcpStream),
    /// Nothing was read yet.
    New(TcpStream, TlsAcceptor, Protocol),
    Handshake(Box<FallibleAccept<TcpStream>>),
    Tls(Box<TlsStream<TcpStream>>),
    /// The client does not speak TLS, or not as it must.
    Refused(Refusal),
    Closed,
}

/// What a client that is refused is told, and how far that is.
pub(crate) struct Refusal {
    stream: TcpStream,
    answer: Vec<u8>,
    written: usize,
    is_shut: bool,
    dropped: usize,
}

impl Transport {
    /// Does the handshake of TLS, where there is one; then bytes can be read and written.
    ///
    /// # Errors
    ///
    /// When the client does not speak TLS or has no certificate that it needs, or the connection ends.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self {
                Self::Plain(_) | Self::Tls(_) => return Poll::Ready(Ok(())),
                Self::New(stream, _, _) => {
                    let mut byte = [0];
                    ready!(stream.poll_peek(context, &mut ReadBuf::new(&mut byte)))?;
                    let Self::New(stream, acceptor, protocol) = replace(self, Self::Closed) else {
                        return closed();
                    };
                    *self = if byte[0] == HANDSHAKE_RECORD {
                        Self::Handshake(Box::new(acceptor.accept(stream).into_fallible()))
                    } else {
                        Self::Refused(Refusal::new(stream, protocol.refusal()))
                    };
                }
                Self::Handshake(accept) => {
                    let accepted = ready!(Pin::new(&mut **accept).poll(context));
                    *self = match accepted {
                        Ok(stream) => Self::Tls(Box::new(stream)),
                        Err((error, stream)) => {
                            tracing::debug!(%error, "the handshake of TLS failed");
                            // It was sent an alert.
                            Self::Refused(Refusal::new(stream, Vec::new()))
                        }
                    };
                }
                Self::Refused(refusal) => {
                    let told = ready!(refusal.poll_tell(context));
                    *self = Self::Closed;
                    tracing::debug!("a client was refused, which speaks no TLS or not as it must");
                    told?;
                }
                Self::Closed => return closed(),
            }
        }
    }

    /// What is read from and written to, once that is possible.
    fn poll_stream(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut (dyn Stream + Send)>>> {
        ready!(self.poll_ready(context))?;
        let stream: Pin<&mut (dyn Stream + Send)> = match self {
            Self::Plain(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(&mut **stream),
            _ => return Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        Poll::Ready(Ok(stream))
    }
}

fn closed() -> Poll<io::Result<()>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

impl Refusal {
    fn new(stream: TcpStream, answer: Vec<u8>) -> Self {
        Self { stream, answer, written: 0, is_shut: false, dropped: 0 }
    }

    /// Sends the answer, and reads what the client sends until it ends the connection.
    fn poll_tell(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.answer.len() {
            let rest = &self.answer[self.written..];
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        if !self.is_shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.is_shut = true;
        }
        let mut bytes = [0; 4096];
        while self.dropped < DROPPED_BYTES {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                break;
            }
            self.dropped += buffer.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}

/// HTTP/2 for a connection that ends at once: empty SETTINGS, then GOAWAY with a text (RFC 9113, sections 6.5 and 6.8).
/// gRPC clients show the text.
fn goodbye(text: &[u8]) -> Vec<u8> {
    const SETTINGS: u8 = 4;
    const GOAWAY: u8 = 7;
    /// `INADEQUATE_SECURITY`, section 7.
    const CODE: u32 = 0xc;
    let frame = |kind: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
        // Length, type, no flags, stream 0.
        [&length[1..], &[kind, 0, 0, 0, 0, 0], payload].concat()
    };
    let last_stream = 0_u32;
    let goaway = [&last_stream.to_be_bytes()[..], &CODE.to_be_bytes(), text].concat();
    [frame(SETTINGS, &[]), frame(GOAWAY, &goaway)].concat()
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(context))?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_stream(context))?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(context))?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(context),
            // There is nothing to say before the handshake.
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_stream(context))?.poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        // What TLS does with several buffers is known only once there is a connection; it takes them, too.
        true
    }
}
