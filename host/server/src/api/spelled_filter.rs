//! Parts of list filters that requests spell out in fields.

use host_wire::temporal::api::filter::v1::StartTimeFilter;

use crate::error::Error;

/// `field = 'text'`.
pub(crate) fn equal(field: &str, text: &str) -> String {
    format!("{field} = '{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A time within the bounds that are set.
///
/// # Errors
///
/// When the earliest is later than the latest.
pub(crate) fn between(field: &str, filter: Option<StartTimeFilter>) -> Result<Vec<String>, Error> {
    let StartTimeFilter { earliest_time, latest_time } = filter.unwrap_or_default();
    if let (Some(earliest), Some(latest)) = (&earliest_time, &latest_time)
        && (earliest.seconds, earliest.nanos) > (latest.seconds, latest.nanos)
    {
        let message = "EarliestTime in StartTimeFilter should not be larger than LatestTime.";
        return Err(Error::invalid(message));
    }
    let earliest = earliest_time.map(|time| format!("{field} >= '{time}'"));
    let latest = latest_time.map(|time| format!("{field} <= '{time}'"));
    Ok(earliest.into_iter().chain(latest).collect())
}
