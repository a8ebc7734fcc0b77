//! `workflow:host/child-workflows`

use super::known;
use crate::command::Command;
use crate::config::Feature;
use crate::store_data::StoreData;
use crate::weight::Weight;
use crate::wit::workflow::host::child_workflows::{ChildWorkflowOptions, Host};

impl Host for StoreData {
    fn start(&mut self, options: ChildWorkflowOptions) -> wasmtime::Result<u32> {
        self.permit(Feature::ChildWorkflows)?;
        self.state.sequences.child_workflows += 1;
        let seq = self.state.sequences.child_workflows;
        let bytes = options.workflow_id.len()
            + options.workflow_type.len()
            + options.cron_schedule.len()
            + options.namespace.weight()
            + options.task_queue.weight()
            + options.arguments.weight()
            + options.headers.weight()
            + options.memo.weight()
            + options.search_attributes.weight()
            + options.user_metadata.weight();
        self.record(Command::StartChildWorkflow { seq, options: Box::new(options) }, bytes)?;
        Ok(seq)
    }

    fn cancel(&mut self, seq: u32, reason: String) -> wasmtime::Result<()> {
        self.permit(Feature::ChildWorkflows)?;
        known(seq, self.state.sequences.child_workflows, "child workflow")?;
        let bytes = reason.len();
        self.record(Command::CancelChildWorkflow { seq, reason }, bytes)
    }
}
