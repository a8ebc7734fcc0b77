//! The time that one backtrace may take.

use crate::limits::MAX_SYMBOL_STEPS;

/// Steps that are left: an attribute, a row, a range, a name or some bytes of a text are one each.
#[derive(Debug)]
pub(super) struct Budget {
    left: u64,
}

/// Why a search ends before it has found everything. What it has found stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The budget is used up.
    Spent,
    /// The sections are not what they claim to be.
    Malformed,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { left: MAX_SYMBOL_STEPS }
    }

    /// Takes steps from the budget before they are done.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Stop> {
        self.left = self.left.saturating_sub(steps as u64);
        if self.left == 0 { Err(Stop::Spent) } else { Ok(()) }
    }

    /// Takes the steps of reading a number of bytes, which is quicker than what else is a step.
    pub(super) fn spend_bytes(&mut self, bytes: usize) -> Result<(), Stop> {
        const BYTES_PER_STEP: usize = 16;
        self.spend(1 + bytes / BYTES_PER_STEP)
    }
}

impl From<gimli::Error> for Stop {
    fn from(_: gimli::Error) -> Self {
        Self::Malformed
    }
}

impl From<wasmparser::BinaryReaderError> for Stop {
    fn from(_: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed
    }
}
