//! The resets of a run: which run took its place.

/// The identity of what terminates a run because it is reset, as Temporal's server writes it. Parents and children are
/// not told of such an end: the new run takes the place of the old one.
pub(crate) const RESETTER: &str = "history-resetter";

/// Resets of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Resets {
    replaced_by: String,
}

impl Resets {
    /// The run that the last reset of this one made; empty if it was never reset. `reset_run_id` of the protocol.
    pub(crate) fn replaced_by(&self) -> &str {
        &self.replaced_by
    }

    pub(in crate::execution) fn replace(&mut self, new_run_id: &str) {
        new_run_id.clone_into(&mut self.replaced_by);
    }
}
