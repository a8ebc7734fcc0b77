//! Signals to a run.

pub(crate) mod receive;
pub(crate) mod state;
#[cfg(test)]
mod tests;
