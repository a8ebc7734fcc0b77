//! The version of workers that a run is on: what workers say when they complete its tasks, overrides by clients, what it
//! inherits, and its way to another version.

pub(crate) mod describe;
pub(crate) mod effective;
pub(crate) mod inherit;
mod of_run;
pub(crate) mod state;
#[cfg(test)]
mod tests;
pub(crate) mod transition;
