//! What of a run lives in memory only.

use std::ops::{Deref, DerefMut};

/// A part of a run that no fact keeps: it is gone after a restart. Runs are equal whatever it is, so that a run that is
/// read back from its facts equals the one that lived through them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Volatile<T>(T);

impl<T> PartialEq for Volatile<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> From<T> for Volatile<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Volatile<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Volatile<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
