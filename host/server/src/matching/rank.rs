//! Where a task stands among those of its queue: `priority` of the protocol.

use std::sync::Arc;

use host_wire::temporal::api::common::v1::Priority;

/// Levels of priority; the first goes before all others. `matching.priorityLevels` of Temporal's server.
pub(crate) const LEVELS: usize = 5;
/// The key of a task without one: the level in the middle.
const DEFAULT_KEY: i32 = 3;
/// The least weight of a fairness key.
const MIN_WEIGHT: f32 = 0.001;

/// The place of a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rank {
    /// Below [`LEVELS`].
    pub(crate) level: usize,
    /// The tasks of each key get their share of the level.
    pub(crate) fairness_key: Option<Arc<str>>,
    /// How large that share is, in relation to others; 1 usually.
    pub(crate) weight: f32,
}

impl Default for Rank {
    fn default() -> Self {
        Self::of(None)
    }
}

impl Rank {
    pub(crate) fn of(priority: Option<&Priority>) -> Self {
        let key = priority.map_or(0, |priority| priority.priority_key);
        let key = if key <= 0 { DEFAULT_KEY } else { key };
        let level = usize::try_from(key - 1).unwrap_or_default().min(LEVELS - 1);
        let fairness_key = priority.map(|priority| priority.fairness_key.as_str());
        let fairness_key = fairness_key.filter(|key| !key.is_empty()).map(Arc::from);
        let weight = priority.map_or(0.0, |priority| priority.fairness_weight);
        Self { level, fairness_key, weight: effective_weight(weight) }
    }
}

/// The weight that is meant by one of the protocol, where zero is none.
pub(crate) fn effective_weight(weight: f32) -> f32 {
    if weight > 0.0 { weight.max(MIN_WEIGHT) } else { 1.0 }
}

/// The key of a level, as `stats_by_priority_key` has it.
pub(crate) fn priority_key(level: usize) -> i32 {
    i32::try_from(level + 1).unwrap_or(i32::MAX)
}

/// The level of tasks that say nothing.
pub(crate) fn default_level() -> usize {
    Rank::default().level
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priority(priority_key: i32, fairness_key: &str, fairness_weight: f32) -> Priority {
        Priority { priority_key, fairness_key: fairness_key.to_owned(), fairness_weight }
    }

    #[test]
    fn places_of_priorities() {
        for (key, level) in [(0, 2), (1, 0), (2, 1), (3, 2), (5, 4), (6, 4), (i32::MAX, 4), (-1, 2)] {
            assert_eq!(Rank::of(Some(&priority(key, "", 0.0))).level, level, "{key}");
        }
        for (weight, expected) in [(0.0, 1.0), (-1.0, 1.0), (0.5, 0.5), (0.000_1, MIN_WEIGHT), (9.0, 9.0)] {
            assert!((Rank::of(Some(&priority(0, "a", weight))).weight - expected).abs() < f32::EPSILON);
        }
        assert_eq!(Rank::of(None), Rank::of(Some(&priority(3, "", 1.0))));
        assert_eq!(priority_key(default_level()), 3);
    }
}
