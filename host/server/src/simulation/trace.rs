//! What happened in a simulation, in the order in which actors saw it.

use std::fmt;

/// Lines that a failing seed prints.
const PRINTED_LINES: usize = 400;

#[derive(Debug, Default)]
pub(super) struct Trace {
    text: String,
}

impl Trace {
    pub(super) fn line(&mut self, millis: u128, what: fmt::Arguments<'_>) {
        fmt::write(&mut self.text, format_args!("{millis:>8} ms  {what}\n")).unwrap();
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// FNV-1a of all lines.
    pub(super) fn hash(&self) -> u64 {
        self.text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// The last lines.
    pub(super) fn end(&self) -> String {
        let lines: Vec<&str> = self.text.lines().collect();
        lines[lines.len().saturating_sub(PRINTED_LINES)..].join("\n")
    }

    /// Where another trace goes another way.
    pub(super) fn first_difference(&self, other: &Self) -> String {
        let mut lines = self.text.lines().zip(other.text.lines());
        lines
            .find(|(one, other)| one != other)
            .map_or_else(String::new, |(one, other)| format!("{one}\n{other}"))
    }
}
