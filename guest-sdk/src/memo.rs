//! The memo of a workflow.

use guest_sdk_types::{NamedPayloads, Payload, PayloadError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A memo: named values that user interfaces and clients show with a workflow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memo(pub(crate) NamedPayloads);

impl Memo {
    /// Decodes the value of this name; `None` if there is none.
    ///
    /// # Errors
    /// The value could not be decoded: see [`Payload::to_value`].
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, PayloadError> {
        self.0.get(name).map(Payload::to_value).transpose()
    }

    /// The encoded values.
    #[must_use]
    pub fn raw(&self) -> &NamedPayloads {
        &self.0
    }

    /// Sets the value of this name.
    ///
    /// # Errors
    /// The value could not be encoded: see [`Payload::from_value`].
    pub fn with<T: Serialize + ?Sized>(
        mut self,
        name: impl Into<String>,
        value: &T,
    ) -> Result<Self, PayloadError> {
        self.0.insert(name.into(), Payload::from_value(value)?);
        Ok(self)
    }
}
