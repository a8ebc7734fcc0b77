//! `workflow:host/workflow`

use super::checked;
use crate::command::Command;
use crate::config::Feature;
use crate::fault::misuse;
use crate::store_data::{CallKind, StoreData};
use crate::wit::workflow::host::types::{Failure, NamedPayloads, Outcome, Payload};
use crate::wit::workflow::host::workflow::{ContinueAsNewOptions, Host};

impl StoreData {
    /// Checks that the run may be ended in this call. That is no [`Feature`], because every host supports it.
    fn permit_ending(&self) -> wasmtime::Result<()> {
        if self.call == CallKind::Activate {
            return Ok(());
        }
        Err(misuse("it ended the run outside of an activation".to_owned()))
    }
}

impl Host for StoreData {
    fn is_replaying(&mut self) -> wasmtime::Result<bool> {
        Ok(self.replaying)
    }

    fn complete(&mut self, result: Option<Payload>) -> wasmtime::Result<()> {
        self.permit_ending()?;
        self.record(Command::Complete { result })
    }

    fn fail(&mut self, failure: Failure) -> wasmtime::Result<()> {
        self.permit_ending()?;
        checked(&failure)?;
        self.record(Command::Fail { failure })
    }

    fn cancel(&mut self, details: Vec<Payload>) -> wasmtime::Result<()> {
        self.permit_ending()?;
        self.record(Command::Cancel { details })
    }

    fn continue_as_new(&mut self, options: ContinueAsNewOptions) -> wasmtime::Result<()> {
        self.permit_ending()?;
        self.permit(Feature::ContinueAsNew)?;
        self.record(Command::ContinueAsNew { options: Box::new(options) })
    }

    fn patched(&mut self, patch_id: String, deprecated: bool) -> wasmtime::Result<bool> {
        // A query gets answers that were given before, but no new ones.
        if let Some(patched) = self.state.patches.answer(&patch_id) {
            return Ok(patched);
        }
        self.permit(Feature::Patches)?;
        let patched = self.decide_patch(&patch_id)?;
        if patched {
            self.record(Command::Patched { patch_id, deprecated })?;
        }
        Ok(patched)
    }

    fn upsert_search_attributes(&mut self, search_attributes: NamedPayloads) -> wasmtime::Result<()> {
        self.permit(Feature::SearchAttributes)?;
        self.record(Command::UpsertSearchAttributes { search_attributes })
    }

    fn upsert_memo(&mut self, memo: NamedPayloads) -> wasmtime::Result<()> {
        self.permit(Feature::Memo)?;
        self.record(Command::UpsertMemo { memo })
    }

    fn set_current_details(&mut self, details: String) -> wasmtime::Result<()> {
        self.permit(Feature::CurrentDetails)?;
        self.record(Command::SetCurrentDetails { details })
    }

    fn complete_update(&mut self, protocol_instance_id: String, outcome: Outcome) -> wasmtime::Result<()> {
        self.permit(Feature::Updates)?;
        match &outcome {
            Outcome::Failed(failure) | Outcome::Canceled(failure) => checked(failure)?,
            Outcome::Completed(_) => {}
        }
        self.record(Command::CompleteUpdate { protocol_instance_id, outcome })
    }
}
