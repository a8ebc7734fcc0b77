//! Patches: which path of a change a run takes. The answers are part of the state of the guest.
//!
//! The rule is that of Temporal's SDKs (`patch_impl` of the Rust SDK, `workflow_patch` of the Python SDK).
//! The first answer for a patch id holds for the run. It is true while the call is new, and in a replay
//! if history has a marker of the patch, deprecated or not. Whether the call itself is deprecated changes
//! the marker and not the answer.

use std::collections::BTreeMap;

/// What is known of a run's patches, by patch id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patches {
    known: BTreeMap<String, Patch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patch {
    /// History has a marker of it; the guest did not ask yet.
    Announced,
    /// What the guest was told.
    Answered(bool),
}

impl Patches {
    /// Takes note of markers that history has.
    pub(crate) fn announce(&mut self, patch_ids: Vec<String>) {
        for patch_id in patch_ids {
            self.known.entry(patch_id).or_insert(Patch::Announced);
        }
    }

    /// What the guest was told, if it asked before.
    pub(crate) fn answer(&self, patch_id: &str) -> Option<bool> {
        match self.known.get(patch_id) {
            Some(Patch::Answered(patched)) => Some(*patched),
            Some(Patch::Announced) | None => None,
        }
    }

    /// Decides, for a guest that asks for the first time. If true, a marker belongs among its commands.
    pub(crate) fn decide(&mut self, patch_id: &str, replaying: bool) -> bool {
        let patched = !replaying || self.known.contains_key(patch_id);
        self.known.insert(patch_id.to_owned(), Patch::Answered(patched));
        patched
    }

    /// Patches that are known.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Bytes that they take.
    pub(crate) fn bytes(&self) -> usize {
        self.known.keys().map(|patch_id| patch_id.len() + size_of::<(String, Patch)>()).sum()
    }

    /// Feeds the answers to a hash. Announcements are left out: only a replay has them before the guest
    /// asks.
    pub(crate) fn digest(&self, mut add: impl FnMut(&[u8])) {
        for (patch_id, patch) in &self.known {
            if let Patch::Answered(patched) = patch {
                add(&(patch_id.len() as u64).to_le_bytes());
                add(patch_id.as_bytes());
                add(&[u8::from(*patched)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_holds() {
        let mut patches = Patches::default();
        patches.announce(vec!["marked".to_owned()]);
        assert_eq!(patches.answer("marked"), None);
        for (patch_id, replaying, patched) in
            [("marked", true, true), ("unmarked", true, false), ("new", false, true)]
        {
            assert_eq!(patches.decide(patch_id, replaying), patched, "{patch_id}");
            patches.announce(vec![patch_id.to_owned()]);
            assert_eq!(patches.answer(patch_id), Some(patched), "{patch_id}");
        }
    }
}
