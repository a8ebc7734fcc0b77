//! `workflow:host/activities`

use super::known;
use crate::command::Command;
use crate::config::Feature;
use crate::store_data::StoreData;
use crate::wit::workflow::host::activities::{ActivityOptions, Host, LocalActivityOptions};

impl StoreData {
    fn next_activity(&mut self) -> u32 {
        self.state.sequences.activities += 1;
        self.state.sequences.activities
    }
}

impl Host for StoreData {
    fn schedule(&mut self, options: ActivityOptions) -> wasmtime::Result<u32> {
        self.permit(Feature::Activities)?;
        let seq = self.next_activity();
        self.record(Command::ScheduleActivity { seq, options: Box::new(options) })?;
        Ok(seq)
    }

    fn schedule_local(&mut self, options: LocalActivityOptions) -> wasmtime::Result<u32> {
        self.permit(Feature::LocalActivities)?;
        let seq = self.next_activity();
        self.record(Command::ScheduleLocalActivity { seq, options: Box::new(options) })?;
        Ok(seq)
    }

    fn cancel(&mut self, seq: u32) -> wasmtime::Result<()> {
        self.permit(Feature::Activities)?;
        known(seq, self.state.sequences.activities, "activity")?;
        self.record(Command::CancelActivity { seq })
    }
}
