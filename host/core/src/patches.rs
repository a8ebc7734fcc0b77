//! Patches: which path of a change a run takes. Their markers are operations of the run, in `operations::patch`.

use std::collections::BTreeMap;

/// The paths that a run has taken at changes: the host's half of the import `patched`.
///
/// Belongs with the guest, not with the [`Run`](crate::Run): it is filled as the guest runs, and made
/// anew when the guest is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patches {
    decided: BTreeMap<String, bool>,
}

impl Patches {
    /// Takes [`Activation::patches`](crate::Activation::patches), before the guest runs.
    pub fn announce(&mut self, patches: &[String]) {
        for patch_id in patches {
            self.decided.insert(patch_id.clone(), true);
        }
    }

    /// Which path the run takes: true for the new one. When it is true, a
    /// [`SetPatchMarker`](crate::Command::SetPatchMarker) belongs among the commands. A run that
    /// passed here before the change was made, which shows in replay, keeps the old path for ever.
    pub fn patched(&mut self, patch_id: &str, deprecated: bool, is_replaying: bool) -> bool {
        if deprecated {
            return true;
        }
        if let Some(taken) = self.decided.get(patch_id) {
            return *taken;
        }
        self.decided.insert(patch_id.to_owned(), !is_replaying);
        !is_replaying
    }
}
