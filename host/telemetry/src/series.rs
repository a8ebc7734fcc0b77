//! How many values a label may have. Names that clients and histories choose would fill the memory of a host and of its
//! Prometheus.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

/// Values of one label that have series of their own.
pub(crate) const MAX_VALUES: usize = 1_000;
/// Bytes of a value; longer ones have no series of their own.
const MAX_VALUE_BYTES: usize = 200;
/// What stands for all further values.
const OTHER: &str = "_other";

/// The values that each label has had.
static VALUES: Mutex<BTreeMap<&'static str, BTreeSet<String>>> = Mutex::new(BTreeMap::new());

/// The value itself, or `_other` once the label has had 1,000 other ones.
#[must_use]
pub fn other_beyond<'v>(label: &'static str, value: &'v str) -> &'v str {
    if value.len() > MAX_VALUE_BYTES {
        return OTHER;
    }
    let mut values = VALUES.lock().unwrap_or_else(PoisonError::into_inner);
    let values = values.entry(label).or_default();
    if values.contains(value) {
        return value;
    }
    if values.len() >= MAX_VALUES {
        return OTHER;
    }
    values.insert(value.to_owned());
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_a_limit() {
        for number in 0..MAX_VALUES {
            let value = number.to_string();
            assert_eq!(other_beyond("limited", &value), value);
        }
        assert_eq!(other_beyond("limited", "one more"), OTHER);
        assert_eq!(other_beyond("limited", "7"), "7");
        assert_eq!(other_beyond("another", "one more"), "one more");
        assert_eq!(other_beyond("another", &"x".repeat(MAX_VALUE_BYTES + 1)), OTHER);
    }
}
