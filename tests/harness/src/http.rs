//! HTTP without a client: one request, one answer.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use anyhow::{Context as _, Result};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status line and headers, one a line.
    pub head: String,
    /// Its body, as it came, but for chunks, which are put together.
    pub body: String,
}

impl Answer {
    /// The status line, such as `HTTP/1.1 200 OK`.
    #[must_use]
    pub fn status(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The value of a header, whose name is in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// What a server on `HOST:PORT` answers to GET of a path: its status line, and the body.
///
/// # Errors
/// It cannot be reached, or its answer is not one of HTTP.
pub fn get(address: &str, path: &str) -> Result<(String, String)> {
    let answer = send(address, &format!("GET {path}"), &[("host", address)], "")?;
    Ok((answer.status().to_owned(), answer.body))
}

/// What a server on `HOST:PORT` answers to a request, such as `POST /path`, with these headers and a body.
///
/// # Errors
/// It cannot be reached, or its answer is not one of HTTP.
pub fn send(address: &str, request: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    write!(stream, "{request} HTTP/1.1\r\n{headers}{length}connection: close\r\n\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer without a head")?;
    let mut answer = Answer { head: head.to_owned(), body: body.to_owned() };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = joined(&answer.body).context("an answer whose chunks are none")?;
    }
    Ok(answer)
}

/// The body that came in chunks.
fn joined(chunks: &str) -> Option<String> {
    let (mut body, mut rest) = (String::new(), chunks);
    loop {
        let (size, behind) = rest.split_once("\r\n")?;
        match usize::from_str_radix(size, 16).ok()? {
            0 => return Some(body),
            size => {
                body.push_str(behind.get(..size)?);
                rest = behind.get(size..)?.strip_prefix("\r\n")?;
            }
        }
    }
}

/// The value of a series in the text format of Prometheus.
#[must_use]
pub fn sample(metrics: &str, series: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}
