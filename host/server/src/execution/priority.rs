//! `priority` of runs and activities.

use host_wire::temporal::api::common::v1::Priority;

use crate::error::Error;

/// Longest fairness key, in bytes. `fairnessKeyMaxLength` of Temporal's server.
const FAIRNESS_KEY_BYTES: usize = 64;

/// The priority of an activity or a child: its own, and what that does not say from the run that it is of.
pub(crate) fn merged(of_run: Option<&Priority>, own: Option<&Priority>) -> Option<Priority> {
    let (Some(base), Some(own)) = (of_run, own) else { return own.or(of_run).cloned() };
    let fairness_key = if own.fairness_key.is_empty() { &base.fairness_key } else { &own.fairness_key };
    Some(Priority {
        priority_key: if own.priority_key == 0 { base.priority_key } else { own.priority_key },
        fairness_key: fairness_key.clone(),
        fairness_weight: if own.fairness_weight == 0.0 { base.fairness_weight } else { own.fairness_weight },
    })
}

/// Changes of a priority what one path of a mask names, in the spelling of JSON; other paths change nothing.
pub(crate) fn merge(priority: &mut Option<Priority>, given: Option<&Priority>, path: &str) {
    let default = Priority::default();
    let part = given.unwrap_or(&default);
    match path {
        "priority" => *priority = given.cloned(),
        "priority.priorityKey" => priority.get_or_insert_default().priority_key = part.priority_key,
        "priority.fairnessKey" => {
            priority.get_or_insert_default().fairness_key.clone_from(&part.fairness_key);
        }
        "priority.fairnessWeight" => priority.get_or_insert_default().fairness_weight = part.fairness_weight,
        _ => {}
    }
}

/// Whether [`merge`] knows a path.
pub(crate) fn is_path(path: &str) -> bool {
    matches!(path, "priority" | "priority.priorityKey" | "priority.fairnessKey" | "priority.fairnessWeight")
}

/// Checks the priority of a request.
///
/// # Errors
///
/// As [`invalid`].
pub(crate) fn check(priority: Option<&Priority>) -> Result<(), Error> {
    priority.and_then(invalid).map_or(Ok(()), |wrong| Err(Error::invalid(wrong)))
}

/// What is wrong with a priority, in the words of Temporal's server.
pub(crate) fn invalid(priority: &Priority) -> Option<&'static str> {
    if priority.priority_key < 0 {
        Some("PriorityKey can't be negative")
    } else if priority.fairness_key.len() > FAIRNESS_KEY_BYTES {
        Some("FairnessKey length exceeds limit")
    } else if priority.fairness_weight < 0.0 {
        Some("FairnessWeight can't be negative")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priority(priority_key: i32, fairness_key: &str, fairness_weight: f32) -> Priority {
        Priority { priority_key, fairness_key: fairness_key.to_owned(), fairness_weight }
    }

    #[test]
    fn what_a_task_does_not_say_its_run_says() {
        let base = priority(1, "base", 2.0);
        for (own, expected) in [
            (None, Some(base.clone())),
            (Some(priority(0, "", 0.0)), Some(base.clone())),
            (Some(priority(4, "", 0.0)), Some(priority(4, "base", 2.0))),
            (Some(priority(0, "own", 0.0)), Some(priority(1, "own", 2.0))),
            (Some(priority(0, "", 3.0)), Some(priority(1, "base", 3.0))),
        ] {
            assert_eq!(merged(Some(&base), own.as_ref()), expected);
        }
        assert_eq!(merged(None, Some(&base)), Some(base));
        assert_eq!(merged(None, None), None);
    }

    #[test]
    fn what_is_wrong() {
        for (priority, expected) in [
            (priority(0, "", 0.0), None),
            (priority(9, &"k".repeat(64), 0.000_01), None),
            (priority(-1, "", 0.0), Some("PriorityKey can't be negative")),
            (priority(0, &"k".repeat(65), 0.0), Some("FairnessKey length exceeds limit")),
            (priority(0, "", -0.1), Some("FairnessWeight can't be negative")),
        ] {
            assert_eq!(invalid(&priority), expected);
        }
    }
}
