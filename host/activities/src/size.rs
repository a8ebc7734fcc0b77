//! The size limit of arguments, results and heartbeat details. The worker checks the limit of whole messages.

use guest_sdk_types::{MAX_PAYLOADS_BYTES, Payload};

/// An upper bound of the bytes that the protocol adds for each payload and metadata entry: tags and lengths.
const FRAMING_BYTES: usize = 16;

/// Payloads are larger than the service accepts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} of activity `{activity}` have {bytes} bytes, more than the {MAX_PAYLOADS_BYTES} that history \
     takes; store the data elsewhere and pass a path or key"
)]
pub struct TooLarge {
    /// The activity type.
    pub activity: String,
    /// What the payloads are: "arguments", "heartbeat details", "result payloads", ….
    pub what: &'static str,
    /// Their size.
    pub bytes: usize,
}

/// Checks the size of payloads before they are sent. `what` becomes [`TooLarge::what`].
///
/// # Errors
/// The payloads have more than [`MAX_PAYLOADS_BYTES`] together.
pub fn check_size(activity: &str, what: &'static str, payloads: &[Payload]) -> Result<(), TooLarge> {
    let framing = |payload: &Payload| FRAMING_BYTES * (2 + payload.metadata.len());
    let bytes = payloads.iter().map(|payload| payload.size() + framing(payload)).sum();
    if bytes > MAX_PAYLOADS_BYTES {
        return Err(TooLarge { activity: activity.to_owned(), what, bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_count_together() {
        let payload = |bytes| Payload { data: vec![0; bytes], ..Payload::default() };
        let check = |sizes: &[usize]| {
            let payloads: Vec<_> = sizes.iter().copied().map(payload).collect();
            check_size("f", "arguments", &payloads).is_ok()
        };
        assert!(check(&[]));
        assert!(check(&[2_097_000]));
        assert!(!check(&[2_097_152]));
        assert!(check(&[1_000_000, 1_000_000]));
        assert!(!check(&[1_000_000, 1_000_000, 1_000_000]));
        let error = check_size("f", "arguments", &[payload(3_000_000)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "arguments of activity `f` have 3000032 bytes, more than the 2097152 that history takes; store \
             the data elsewhere and pass a path or key"
        );
    }
}
