//! `workflow:host/time`

use super::known;
use crate::command::Command;
use crate::config::Feature;
use crate::store_data::StoreData;
use crate::wit::workflow::host::time::{Host, Instant, TimerOptions};

impl Host for StoreData {
    fn now(&mut self) -> wasmtime::Result<Instant> {
        Ok(self.state.time)
    }

    fn start_timer(&mut self, options: TimerOptions) -> wasmtime::Result<u32> {
        self.permit(Feature::Timers)?;
        self.state.sequences.timers += 1;
        let seq = self.state.sequences.timers;
        self.record(Command::StartTimer { seq, options })?;
        Ok(seq)
    }

    fn cancel_timer(&mut self, seq: u32) -> wasmtime::Result<()> {
        self.permit(Feature::Timers)?;
        known(seq, self.state.sequences.timers, "timer")?;
        self.record(Command::CancelTimer { seq })
    }
}
