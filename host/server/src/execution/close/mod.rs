//! Closing a run: by its own commands, by request, by time.

pub(crate) mod cancel;
pub(crate) mod complete;
pub(crate) mod continue_as_new;
pub(crate) mod fail;
pub(crate) mod terminate;
#[cfg(test)]
mod tests;
pub(crate) mod time_out;
