//! Metrics of the host: names, labels and units in one place, and how they are recorded.
//!
//! Names and labels are those of Temporal's SDKs that build on sdk-core, of Temporal's server, and, where neither has
//! one, ours with the prefix `host_`. Latencies are in milliseconds, as sdk-core's are by default. Recording goes
//! through the crate `metrics`: without a recorder, and before [`enable`], it costs a load and a branch.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod guest;
mod metric;
mod names;
mod series;

pub use guest::{Instrument, Measurement, record as record_guest};
pub use metric::{
    Counter, CounterSeries, Description, Gauge, GaugePart, GaugeSeries, Held, Histogram, Kind, Unit, enable,
    is_enabled,
};
pub use names::*;
pub use series::other_beyond;
