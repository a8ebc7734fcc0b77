//! Random values: the same in every replay, and not secret.

use crate::context::SyncWorkflowContext;
use crate::host;

/// The name of the default stream.
const DEFAULT_STREAM: &str = "";

/// A type of random values: integers over their whole range, floats in [0, 1).
pub trait WorkflowRandomValue: Sized {
    #[doc(hidden)]
    fn draw(next: impl FnMut() -> u64) -> Self;
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl WorkflowRandomValue for $type {
            fn draw(mut next: impl FnMut() -> u64) -> Self {
                let bytes = next().to_le_bytes();
                let mut value = [0; size_of::<$type>()];
                value.copy_from_slice(&bytes[..size_of::<$type>()]);
                Self::from_le_bytes(value)
            }
        }
    )*};
}

integers! { u8 u16 u32 u64 i8 i16 i32 i64 }

impl WorkflowRandomValue for u128 {
    fn draw(mut next: impl FnMut() -> u64) -> Self {
        let low = Self::from(next());
        Self::from(next()) << 64 | low
    }
}

impl WorkflowRandomValue for i128 {
    fn draw(next: impl FnMut() -> u64) -> Self {
        u128::draw(next).cast_signed()
    }
}

impl WorkflowRandomValue for bool {
    fn draw(mut next: impl FnMut() -> u64) -> Self {
        next() & 1 == 1
    }
}

impl WorkflowRandomValue for f64 {
    fn draw(mut next: impl FnMut() -> u64) -> Self {
        // The upper 53 bits, which fit into the mantissa.
        (next() >> 11) as Self / (1_u64 << 53) as Self
    }
}

impl WorkflowRandomValue for f32 {
    fn draw(mut next: impl FnMut() -> u64) -> Self {
        (next() >> 40) as Self / (1_u64 << 24) as Self
    }
}

impl<W> SyncWorkflowContext<W> {
    /// A random value of the default stream.
    #[must_use]
    pub fn random<T: WorkflowRandomValue>(&self) -> T {
        T::draw(|| host::random::next_u64(DEFAULT_STREAM))
    }

    /// A random UUID of version 4, of the default stream.
    #[must_use]
    pub fn uuid4(&self) -> String {
        uuid4()
    }

    /// A stream of random values that is independent of the other streams.
    #[must_use]
    pub fn random_stream(&self, name: impl Into<String>) -> WorkflowRandomStream {
        WorkflowRandomStream { name: name.into() }
    }
}

/// A stream of random values: see [`SyncWorkflowContext::random_stream`].
#[derive(Clone, Debug)]
pub struct WorkflowRandomStream {
    name: String,
}

impl WorkflowRandomStream {
    /// The name of the stream.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next random value of the stream.
    #[must_use]
    pub fn random<T: WorkflowRandomValue>(&self) -> T {
        T::draw(|| host::random::next_u64(&self.name))
    }
}

/// A random UUID of the default stream.
pub(crate) fn uuid4() -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut bytes = u128::draw(|| host::random::next_u64(DEFAULT_STREAM)).to_le_bytes();
    // Version 4, variant 1.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&index) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_from_the_low_end() {
        let mut next = [0x0102_0304_0506_0708, 9].into_iter().cycle();
        let mut next = || next.next().unwrap();
        assert_eq!(u8::draw(&mut next), 8);
        assert_eq!(u64::draw(&mut next), 9);
        assert_eq!(u128::draw(&mut next), 9 << 64 | 0x0102_0304_0506_0708);
        assert_eq!(f64::draw(|| u64::MAX), 1.0 - f64::EPSILON / 2.0);
        assert!(f32::draw(|| u64::MAX) < 1.0);
    }

    #[test]
    fn uuids_look_like_uuids() {
        assert_eq!(uuid4(), "01000000-0000-4000-8200-000000000000");
    }
}
