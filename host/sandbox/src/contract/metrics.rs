//! `workflow:host/metrics`

use crate::run::Run;
use crate::wit::workflow::host::metrics::{Host, Measurement};

impl Host for Run {
    fn record(&mut self, measurement: Measurement) -> wasmtime::Result<()> {
        self.measure(measurement)
    }
}
