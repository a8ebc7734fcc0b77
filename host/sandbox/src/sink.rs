//! The receiver of the log entries and measurements of a run.

use crate::wit::workflow::host::{log::Entry, metrics::Measurement};

/// Receives the log entries and measurements of a run. The sandbox does not call it in replay. A panic
/// message is a part of the fault, in replay too.
pub trait Sink: Send {
    /// Receives a log entry. A line of standard output or standard error is an entry with the target `stdout`
    /// or `stderr`.
    fn log(&mut self, entry: Entry);

    /// Receives a measurement.
    fn measure(&mut self, measurement: Measurement);
}

/// Discards log entries and measurements.
#[derive(Clone, Copy, Debug)]
pub struct Discard;

impl Sink for Discard {
    fn log(&mut self, _: Entry) {}

    fn measure(&mut self, _: Measurement) {}
}
