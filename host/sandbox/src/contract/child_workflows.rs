//! `workflow:host/child-workflows`

use super::known;
use crate::command::Command;
use crate::config::Feature;
use crate::store_data::StoreData;
use crate::wit::workflow::host::child_workflows::{ChildWorkflowOptions, Host};

impl Host for StoreData {
    fn start(&mut self, options: ChildWorkflowOptions) -> wasmtime::Result<u32> {
        self.permit(Feature::ChildWorkflows)?;
        self.state.sequences.child_workflows += 1;
        let seq = self.state.sequences.child_workflows;
        self.record(Command::StartChildWorkflow { seq, options: Box::new(options) })?;
        Ok(seq)
    }

    fn cancel(&mut self, seq: u32, reason: String) -> wasmtime::Result<()> {
        self.permit(Feature::ChildWorkflows)?;
        known(seq, self.state.sequences.child_workflows, "child workflow")?;
        self.record(Command::CancelChildWorkflow { seq, reason })
    }
}
