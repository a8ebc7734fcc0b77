//! Where log entries and measurements of a run go.

use crate::wit::workflow::host::{log::Entry, metrics::Measurement};

/// Takes what a workflow logs and measures. Not called in replay, with one exception: what a guest
/// says before it traps comes as part of the fault, always.
pub trait Sink: Send {
    /// A log entry. Lines of standard output and standard error come as entries with the target
    /// `stdout` and `stderr`.
    fn log(&mut self, entry: Entry);

    /// A measurement.
    fn measure(&mut self, measurement: Measurement);
}

/// Drops everything.
#[derive(Clone, Copy, Debug)]
pub struct Discard;

impl Sink for Discard {
    fn log(&mut self, _: Entry) {}

    fn measure(&mut self, _: Measurement) {}
}
