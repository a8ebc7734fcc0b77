//! Priority of tasks.

use serde::{Deserialize, Serialize};

/// Which tasks of a queue are served first: `temporal.api.common.v1.Priority`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Priority {
    /// 1 is served first; 0 means the default.
    pub priority_key: u32,
    /// Tasks with one fairness key share what the queue can serve with those of other keys.
    pub fairness_key: String,
    /// Share of this fairness key; 0 means the default, 1.
    pub fairness_weight: f32,
}
