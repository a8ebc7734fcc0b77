//! Child workflows: the command that initiates them, their start, and what the end of a run means for its parent
//! and for its children.

pub(crate) mod close;
pub(crate) mod describe;
pub(crate) mod run;
pub(crate) mod start;
pub(crate) mod state;
#[cfg(test)]
mod tests;
