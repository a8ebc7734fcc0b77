//! The messages between parent and child process: frames on a socket, each a length and a message.
//!
//! `Hello` of the parent and of the child come first. For each attempt follow `Start`, then `Heartbeat`s and
//! `Cancel` in any order, then `Ended`. Each message has the number of its attempt, because a `Cancel` may
//! arrive after the end of the attempt.

use std::io::Read;

use guest_sdk_types::Payload;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::cancel::CancelReason;
use crate::info::ActivityTask;
use crate::outcome::Outcome;

/// The version of the messages. It differs if the file of the program was replaced while the parent runs.
pub(crate) const VERSION: u32 = 1;

/// The first argument of a child process.
pub(crate) const CHILD_ARGUMENT: &str = "__activity-child";

/// Bytes of a frame: eight times the limit of arguments or heartbeat details.
const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

const LENGTH_BYTES: usize = size_of::<u32>();

/// A message of the parent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToChild {
    /// The first message.
    Hello { version: u32 },
    /// Runs an attempt.
    Start { number: u64, task: Box<ActivityTask> },
    /// Cancels an attempt.
    Cancel { number: u64, reason: CancelReason },
}

/// A message of the child process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromChild {
    /// The answer to `Hello`.
    Hello { version: u32 },
    /// The activity recorded a heartbeat.
    Heartbeat { number: u64, details: Vec<Payload> },
    /// The attempt ended, and the process can run another one.
    Ended { number: u64, outcome: Outcome },
}

/// Why a message was not sent or received.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The other process closed the socket, or ended.
    #[error("closed")]
    Closed,
    /// Another error of the socket.
    #[error("i/o error: {0}")]
    Io(std::io::Error),
    /// The message is larger than a frame may be.
    #[error("message of {0} bytes, more than {MAX_FRAME_BYTES}")]
    TooLarge(usize),
    /// The bytes are not a message of this protocol.
    #[error("malformed message: {0}")]
    Malformed(#[from] postcard::Error),
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        match error.kind() {
            BrokenPipe | ConnectionReset | UnexpectedEof => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// Encodes a message as a frame.
pub(crate) fn frame<T: Serialize>(message: &T) -> Result<Vec<u8>, Error> {
    let mut frame = postcard::to_extend(message, vec![0; LENGTH_BYTES])?;
    let bytes = frame.len() - LENGTH_BYTES;
    let length = u32::try_from(bytes).ok().filter(|_| bytes <= MAX_FRAME_BYTES);
    let length = length.ok_or(Error::TooLarge(bytes))?;
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// Receives a message.
pub(crate) async fn receive<T: DeserializeOwned>(socket: &mut (impl AsyncRead + Unpin)) -> Result<T, Error> {
    let mut length = [0; LENGTH_BYTES];
    socket.read_exact(&mut length).await?;
    let mut body = body_buffer(length)?;
    socket.read_exact(&mut body).await?;
    Ok(postcard::from_bytes(&body)?)
}

/// Receives a message, and blocks the thread meanwhile.
pub(crate) fn receive_blocking<T: DeserializeOwned>(socket: &mut impl Read) -> Result<T, Error> {
    let mut length = [0; LENGTH_BYTES];
    socket.read_exact(&mut length)?;
    let mut body = body_buffer(length)?;
    socket.read_exact(&mut body)?;
    Ok(postcard::from_bytes(&body)?)
}

fn body_buffer(length: [u8; LENGTH_BYTES]) -> Result<Vec<u8>, Error> {
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_FRAME_BYTES {
        return Err(Error::TooLarge(length));
    }
    Ok(vec![0; length])
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use guest_sdk_types::{Failure, RetryPolicy};

    use super::*;
    use crate::info::ActivityInfo;

    fn task() -> ActivityTask {
        ActivityTask {
            info: ActivityInfo {
                task_token: vec![0, 255],
                activity_type: "compress".to_owned(),
                scheduled_time: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_500)),
                heartbeat_timeout: Some(Duration::from_secs(3)),
                retry_policy: Some(RetryPolicy::none().with_backoff_coefficient(1.5)),
                ..ActivityInfo::default()
            },
            headers: [("trace".to_owned(), Payload::null())].into(),
            arguments: vec![Payload::from_json("[1,2]")],
            heartbeat_details: vec![Payload::from_value("half").unwrap()],
        }
    }

    #[tokio::test]
    async fn messages_arrive_as_they_were_sent() {
        let start = frame(&ToChild::Start { number: 7, task: Box::new(task()) }).unwrap();
        match receive::<ToChild>(&mut start.as_slice()).await.unwrap() {
            ToChild::Start { number: 7, task: received } => assert_eq!(*received, task()),
            other => panic!("unexpected {other:?}"),
        }
        let failure = Failure::application("Full", "disk full").next_retry_delay(Duration::MAX).build();
        let outcome = Outcome::failed(failure);
        let ended = frame(&FromChild::Ended { number: 7, outcome: outcome.clone() }).unwrap();
        match receive_blocking(&mut ended.as_slice()).unwrap() {
            FromChild::Ended { number: 7, outcome: received } => assert_eq!(received, outcome),
            other => panic!("unexpected {other:?}"),
        }
    }

    #[test]
    fn other_bytes_are_errors() {
        let check = |bytes: &[u8], expected: &str| {
            let error = receive_blocking::<FromChild>(&mut &*bytes).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{bytes:?}: {error}");
        };
        check(b"", "closed");
        check(b"\x05\0\0\0ab", "closed");
        check(b"Hello, world", "message of 1819043144 bytes");
        check(b"\x01\0\0\0\x09", "malformed message");
        check(b"\x02\0\0\0\x01\x01", "malformed message");
    }
}
