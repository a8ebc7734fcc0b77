//! Named places at which tests end the process. They do nothing in optimized builds.

/// Variable with the place, and how often it is passed before the process ends there: `log-synced:12`.
#[cfg(debug_assertions)]
const VARIABLE: &str = "HOST_FAIL_POINT";

/// Ends the process, as `kill -9` would, if [`VARIABLE`] names this place and it was passed often enough.
#[cfg(debug_assertions)]
pub(super) fn pass(place: &str) {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };
    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let (place, times) = text.split_once(':')?;
        Some((place.to_owned(), times.parse().ok()?))
    });
    if let Some((wanted, times)) = wanted
        && wanted == place
        && PASSED.fetch_add(1, Ordering::Relaxed) >= *times
    {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub(super) fn pass(_place: &str) {}
