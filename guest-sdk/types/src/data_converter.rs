//! The data converter of a program: how the values of a module, or of the activities and clients of a host, become payloads,
//! and how failures are told.
//!
//! A program has one for all its calls, installed before the first of them. Values of a type with an encoding of their own
//! ([`Converted`](crate::Converted)) keep that.

use std::sync::OnceLock;

use crate::failure::Failure;
#[cfg(feature = "payload-converter")]
use crate::payload_converter::EncodingPayloadConverter;

static INSTALLED: OnceLock<DataConverter> = OnceLock::new();

/// Converts all values and failures of a program: the converter of a module is named at its `export!`, that of a host at
/// `host::Host::data_converter`.
#[derive(Clone, Copy, Default)]
pub struct DataConverter {
    #[cfg(feature = "payload-converter")]
    payload_converters: &'static [&'static dyn EncodingPayloadConverter],
    failure_converter: Option<&'static dyn FailureConverter>,
}

/// Converts failures of a workflow to what the service gets, and back: the failures that a run, an update or a query ends
/// with, and those of activities, children and other workflows.
///
/// A converter that panics fails the workflow task, which is tried again.
pub trait FailureConverter: Sync {
    /// What the service gets. The failure has its causes.
    fn to_failure(&self, failure: Failure) -> Failure;

    /// What the workflow sees of a failure from the service.
    #[expect(clippy::wrong_self_convention, reason = "by its name in Temporal's SDKs")]
    fn from_failure(&self, failure: Failure) -> Failure;
}

impl DataConverter {
    /// The default data converter: `binary/null`, `binary/plain` and `json/plain`, and failures as they are.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            #[cfg(feature = "payload-converter")]
            payload_converters: &[],
            failure_converter: None,
        }
    }

    /// Asks these converters for each value before the default ones: the first that has a payload for it, and for a payload
    /// the first one with its encoding.
    #[cfg(feature = "payload-converter")]
    #[must_use]
    pub const fn with_payload_converters(
        self,
        payload_converters: &'static [&'static dyn EncodingPayloadConverter],
    ) -> Self {
        Self { payload_converters, ..self }
    }

    /// Converts failures with this one.
    #[must_use]
    pub const fn with_failure_converter(self, failure_converter: &'static dyn FailureConverter) -> Self {
        Self { failure_converter: Some(failure_converter), ..self }
    }

    /// Uses this converter from now on, in the whole program. Returns false if there is one already, which stays.
    pub fn install(self) -> bool {
        INSTALLED.set(self).is_ok()
    }

    #[cfg(feature = "payload-converter")]
    pub(crate) fn installed_payload_converters() -> &'static [&'static dyn EncodingPayloadConverter] {
        INSTALLED.get().map_or(&[], |installed| installed.payload_converters)
    }
}

impl std::fmt::Debug for DataConverter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DataConverter").finish_non_exhaustive()
    }
}

impl Failure {
    /// What the service gets of this failure: the failure converter of the program decides.
    #[must_use]
    pub fn converted(self) -> Self {
        match INSTALLED.get().and_then(|installed| installed.failure_converter) {
            Some(converter) => converter.to_failure(self),
            None => self,
        }
    }

    /// What the program sees of this failure from the service.
    #[must_use]
    pub fn converted_back(self) -> Self {
        match INSTALLED.get().and_then(|installed| installed.failure_converter) {
            Some(converter) => converter.from_failure(self),
            None => self,
        }
    }
}

/// Hides messages and stack traces of failures from the service: they move into the encoded attributes, a payload that the
/// codecs of a host encrypt. By its name in Temporal's SDKs.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultFailureConverterWithEncodedAttributes;

/// The message of a failure whose own one is encoded, as in all SDKs of Temporal.
const ENCODED_MESSAGE: &str = "Encoded failure";

impl FailureConverter for DefaultFailureConverterWithEncodedAttributes {
    fn to_failure(&self, failure: Failure) -> Failure {
        each_link(failure, |link| {
            if link.encoded_attributes.is_none() {
                let attributes =
                    serde_json::json!({ "message": link.message, "stack_trace": link.stack_trace });
                link.encoded_attributes = Some(crate::Payload::from_json(attributes.to_string()));
                link.message = ENCODED_MESSAGE.to_owned();
                link.stack_trace = String::new();
            }
        })
    }

    fn from_failure(&self, failure: Failure) -> Failure {
        each_link(failure, |link| {
            // What another converter encoded, or is still encrypted, stays as it is.
            let attributes = link.encoded_attributes.as_ref();
            let read = |attributes: &crate::Payload| {
                serde_json::from_slice::<serde_json::Value>(&attributes.data).ok()
            };
            let Some(attributes) = attributes.and_then(read) else { return };
            let text =
                |name: &str| attributes.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
            let Some(message) = text("message") else { return };
            link.stack_trace = text("stack_trace").unwrap_or_default();
            link.message = message;
            link.encoded_attributes = None;
        })
    }
}

/// Changes a failure and its causes. Takes no stack for a long chain.
fn each_link(mut failure: Failure, change: impl Fn(&mut Failure)) -> Failure {
    let mut next = Some(&mut failure);
    while let Some(link) = next {
        change(link);
        next = link.cause.as_deref_mut();
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_attributes_hide_every_message_and_come_back() {
        let converter = DefaultFailureConverterWithEncodedAttributes;
        let cause = Failure { stack_trace: "at 7".to_owned(), ..Failure::new("no funds") };
        let failure = Failure::application("CardDeclined", "not charged").cause(cause).build();
        let told = converter.to_failure(failure.clone());
        assert_eq!(told.to_string(), "Encoded failure (CardDeclined): Encoded failure");
        assert!(told.chain().all(|link| link.stack_trace.is_empty() && link.encoded_attributes.is_some()));
        // Once only: a failure that passes through a workflow is as it was.
        assert_eq!(converter.to_failure(told.clone()), told);
        assert_eq!(converter.from_failure(told), failure);
        assert_eq!(converter.from_failure(failure.clone()), failure);
    }
}
