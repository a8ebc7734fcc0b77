//! Panics, which are bugs of the service: each is caught where what was begun can be dropped.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tonic::Status;

/// The message of a panic that was caught.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// Does work that changes nothing if it panics.
///
/// # Errors
///
/// INTERNAL, when it panics.
pub(crate) fn caught<R>(work: impl FnOnce() -> R) -> Result<R, Status> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| internal(&message(&*panic)))
}

/// What a caller gets whose request met a bug.
pub(crate) fn internal(message: &str) -> Status {
    tracing::error!(message, "a bug of the service: a panic was caught, and nothing was changed");
    Status::internal(format!("a bug of the service, nothing was changed; please report this: {message}"))
}

/// Ends the process when it is dropped by a panic: what is in memory then cannot be brought back to what is stored.
pub(crate) struct EndsProcess<'a>(pub(crate) &'a str);

impl Drop for EndsProcess<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(what = self.0, "a bug of the service: the process ends, to be started again");
            std::process::abort();
        }
    }
}
