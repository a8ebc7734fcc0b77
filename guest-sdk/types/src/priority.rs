//! The priority of tasks.

use serde::{Deserialize, Serialize};

/// The order in which a task queue dispatches its tasks: `temporal.api.common.v1.Priority`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Priority {
    /// Tasks with a lower key are dispatched first, from 1. 0 means the default of the service, 3.
    pub priority_key: u32,
    /// Tasks with the same key form a group; the queue divides its dispatches among the groups. Empty means
    /// the default group.
    pub fairness_key: String,
    /// The weight of the group in that division. 0 means the default, 1.
    pub fairness_weight: f32,
}
