//! Times in the calendar: `2030-05-31T23:59:59Z`.

use std::time::SystemTime;

use anyhow::Context as _;
use host_wire::timestamp_from_proto;
use prost_types::Timestamp;

/// Reads a time. For clap.
pub(super) fn parse(text: &str) -> anyhow::Result<SystemTime> {
    let time: Timestamp = text.parse().ok().context("expected a time, such as 2030-05-31T23:59:59Z")?;
    Ok(timestamp_from_proto(time))
}
