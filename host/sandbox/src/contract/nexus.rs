//! `workflow:host/nexus`

use super::known;
use crate::command::Command;
use crate::config::Feature;
use crate::store_data::StoreData;
use crate::wit::workflow::host::nexus::{Host, OperationOptions};

impl Host for StoreData {
    fn schedule(&mut self, options: OperationOptions) -> wasmtime::Result<u32> {
        self.permit(Feature::Nexus)?;
        self.state.sequences.nexus_operations += 1;
        let seq = self.state.sequences.nexus_operations;
        self.record(Command::ScheduleNexusOperation { seq, options: Box::new(options) })?;
        Ok(seq)
    }

    fn cancel(&mut self, seq: u32) -> wasmtime::Result<()> {
        self.permit(Feature::Nexus)?;
        known(seq, self.state.sequences.nexus_operations, "Nexus operation")?;
        self.record(Command::CancelNexusOperation { seq })
    }
}
