//! Splits standard output and standard error into lines, which become log entries.

use crate::wit::workflow::host::log::{Entry, Level};

/// The numbers by which resources name the standard streams.
pub(crate) const STDIN: u32 = 0;
pub(crate) const STDOUT: u32 = 1;
pub(crate) const STDERR: u32 = 2;

/// A longer line is cut into several entries.
const MAX_LINE_BYTES: usize = 16 << 10;

/// The bytes that were printed since the last line end, by stream.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Lines {
    /// Adds bytes to a stream, and returns the lines that they complete.
    pub(crate) fn take(&mut self, stream: u32, bytes: &[u8]) -> Vec<Entry> {
        let buffer = if stream == STDERR { &mut self.stderr } else { &mut self.stdout };
        let mut entries = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            buffer.extend_from_slice(part);
            if part.ends_with(b"\n") || buffer.len() >= MAX_LINE_BYTES {
                entries.push(entry(stream, buffer));
            }
        }
        entries
    }

    /// Returns the lines without a line end.
    pub(crate) fn finish(&mut self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (stream, buffer) in [(STDOUT, &mut self.stdout), (STDERR, &mut self.stderr)] {
            if !buffer.is_empty() {
                entries.push(entry(stream, buffer));
            }
        }
        entries
    }
}

/// Moves the buffer into an entry.
fn entry(stream: u32, buffer: &mut Vec<u8>) -> Entry {
    let message = String::from_utf8_lossy(buffer).trim_end_matches(['\n', '\r']).to_owned();
    buffer.clear();
    let (level, target) = if stream == STDERR { (Level::Warn, "stderr") } else { (Level::Info, "stdout") };
    Entry { level, target: target.to_owned(), message, fields: Vec::new(), location: None }
}
