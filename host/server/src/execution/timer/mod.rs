//! Timers: the commands that start and cancel them, and their firing.

pub(crate) mod cancel;
pub(crate) mod fire;
pub(crate) mod start;
pub(crate) mod state;
#[cfg(test)]
mod tests;
