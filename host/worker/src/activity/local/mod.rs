//! Local activities: the host runs them while the workflow task that asked for them is open.
//!
//! `host-core` says which to start and to cancel, and records how they close. What happens in between, with slots,
//! attempts, pauses and timeouts, is here.

mod attempts;
mod run;

pub(crate) use run::{LocalActivities, LocalRun};
