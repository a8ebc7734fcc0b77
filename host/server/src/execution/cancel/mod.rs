//! Requests that a run cancels itself.

pub(crate) mod request;
