//! `workflow:host/external-workflows`

use super::known;
use crate::command::Command;
use crate::config::Feature;
use crate::store_data::StoreData;
use crate::wit::workflow::host::external_workflows::{Host, SignalOptions};
use crate::wit::workflow::host::types::NamespacedExecution;

impl Host for StoreData {
    fn signal(&mut self, options: SignalOptions) -> wasmtime::Result<u32> {
        self.permit(Feature::ExternalSignals)?;
        self.state.sequences.external_signals += 1;
        let seq = self.state.sequences.external_signals;
        self.record(Command::SignalExternal { seq, options: Box::new(options) })?;
        Ok(seq)
    }

    fn cancel_signal(&mut self, seq: u32) -> wasmtime::Result<()> {
        self.permit(Feature::ExternalSignals)?;
        known(seq, self.state.sequences.external_signals, "signal")?;
        self.record(Command::CancelExternalSignal { seq })
    }

    fn request_cancel(&mut self, execution: NamespacedExecution, reason: String) -> wasmtime::Result<u32> {
        self.permit(Feature::ExternalCancels)?;
        self.state.sequences.external_cancels += 1;
        let seq = self.state.sequences.external_cancels;
        self.record(Command::RequestCancelExternal { seq, execution, reason })?;
        Ok(seq)
    }
}
