//! The memo of a workflow.

use guest_sdk_types::{NamedPayloads, Payload, PayloadError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A memo: named values that user interfaces and clients see beside the workflow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memo(pub(crate) NamedPayloads);

impl Memo {
    /// Reads a value; none if there is none with this name.
    ///
    /// # Errors
    /// As [`Payload::to_value`].
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, PayloadError> {
        self.0.get(name).map(Payload::to_value).transpose()
    }

    /// The values as they came.
    #[must_use]
    pub fn raw(&self) -> &NamedPayloads {
        &self.0
    }

    /// Sets a value.
    ///
    /// # Errors
    /// As [`Payload::from_value`].
    pub fn with<T: Serialize + ?Sized>(
        mut self,
        name: impl Into<String>,
        value: &T,
    ) -> Result<Self, PayloadError> {
        self.0.insert(name.into(), Payload::from_value(value)?);
        Ok(self)
    }
}
