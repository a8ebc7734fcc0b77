//! Starting runs by request.

pub(crate) mod request;
pub(crate) mod state;
#[cfg(test)]
mod tests;
