//! Patches: changes of workflow code that open runs replay.

use crate::context::SyncWorkflowContext;
use crate::host;

impl<W> SyncWorkflowContext<W> {
    /// Whether the run takes the new path of a change, and records that it does. A run that passed this
    /// call before the change was made gets false, in every replay.
    #[must_use]
    pub fn patched(&self, patch_id: &str) -> bool {
        host::workflow::patched(patch_id, false)
    }

    /// Records a patch as deprecated, once no code for the old path is left. Returns what
    /// [`patched`](Self::patched) would.
    pub fn deprecate_patch(&self, patch_id: &str) -> bool {
        host::workflow::patched(patch_id, true)
    }
}
