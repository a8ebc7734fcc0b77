//! `workflow:host/metrics`

use crate::store_data::StoreData;
use crate::wit::workflow::host::metrics::{Host, Measurement};

impl Host for StoreData {
    fn record(&mut self, measurement: Measurement) -> wasmtime::Result<()> {
        self.measure(measurement)
    }
}
