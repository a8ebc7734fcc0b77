//! The one clock, and the one source of ids.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use rand::RngCore;

use crate::time::Time;

/// What time it is.
pub(crate) trait Clock: Send + Sync + fmt::Debug {
    fn now(&self) -> Time;
}

/// The machine's time.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Time {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// A new id: a random UUID.
pub(crate) fn new_id() -> String {
    let mut bytes = [0_u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let number = u128::from_be_bytes(bytes);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        number >> 96,
        (number >> 80) & 0xffff,
        (number >> 64) & 0xffff,
        (number >> 48) & 0xffff,
        number & 0xffff_ffff_ffff
    )
}
