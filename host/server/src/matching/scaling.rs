//! Advice to workers on how many polls to keep open: `poller_scaling_decision`.

use std::time::Duration;

use host_wire::temporal::api::taskqueue::v1::PollerScalingDecision;

/// A poll that waited so long for its task was one too many. `matching.pollerScalingWaitTime` of Temporal's server.
const IDLE: Duration = Duration::from_secs(1);
/// Tasks that wait longer need more polls. `matching.pollerScalingMinimumBacklog`.
const BEHIND: Duration = Duration::from_millis(200);
/// Tasks that come, for each that goes, from which on more polls are needed.
const GROWTH: f32 = 1.2;
/// Pieces of advice for a second and poller. `matching.pollerScalingDecisionsPerSecond`.
pub(crate) const DECISIONS_PER_SECOND: f64 = 10.0;

/// Whether a poll waited so long that there may be fewer.
pub(crate) fn was_idle(waited: Duration) -> Option<PollerScalingDecision> {
    (waited >= IDLE).then_some(PollerScalingDecision { poll_request_delta_suggestion: -1 })
}

/// Whether there should be more polls: because of the age of the oldest task that waits, or because more tasks come
/// than go.
pub(crate) fn is_behind(
    oldest: Option<Duration>,
    added: f32,
    dispatched: f32,
) -> Option<PollerScalingDecision> {
    let grows = added > 0.0 && added / dispatched > GROWTH;
    let more = oldest.is_some_and(|age| age > BEHIND) || grows;
    more.then_some(PollerScalingDecision { poll_request_delta_suggestion: 1 })
}
