//! Signals and cancellations from one run to another: the commands that initiate them, and their delivery.

pub(crate) mod deliver;
pub(crate) mod request_cancel;
pub(crate) mod signal;
pub(crate) mod state;
#[cfg(test)]
mod tests;
