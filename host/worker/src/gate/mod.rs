//! The gate: what becomes of open runs on a module, found out before the module takes any.
//!
//! [`Gate`] replays the open runs of a service on a candidate and gives each a [`RunVerdict`]; [`changes`] says what
//! the candidate's definitions and imports have that those of another module do not. Both change nothing.

mod changes;
mod check;
mod replayed;
mod report;
mod runs;
mod verdict;

pub use changes::{Change, ChangeKind, ChangedPart, changes};
pub use check::{Gate, GateError, GateProgress};
pub(crate) use replayed::{Replay, Replays, feed, unworked};
pub use report::{GateReport, MAX_LISTED_RUNS};
pub use runs::RunSelection;
pub(crate) use runs::{OpenRun, count_runs, quoted};
pub use verdict::{CheckedRun, RunVerdict, Tally, WhyUnknown};
