//! Failures that core makes, in sdk-core's words, so that a guest sees the same under either.

use host_wire::temporal::api::{
    common::v1::{Payload, Payloads},
    failure::v1::{ApplicationFailureInfo, CanceledFailureInfo, Failure, failure::FailureInfo},
};

use crate::{error::Error, history::Event};

/// A failure with a cause.
pub(crate) fn caused(message: impl Into<String>, info: FailureInfo, cause: Option<Failure>) -> Box<Failure> {
    Box::new(Failure {
        message: message.into(),
        cause: cause.map(Box::new),
        failure_info: Some(info),
        ..Failure::default()
    })
}

/// The cause of a failure by cancellation.
pub(crate) fn canceled(details: Option<Payloads>) -> Failure {
    Failure {
        failure_info: Some(FailureInfo::CanceledFailureInfo(CanceledFailureInfo {
            details,
            ..CanceledFailureInfo::default()
        })),
        ..Failure::default()
    }
}

/// A failure that the service reports of another workflow, with the name of its cause.
pub(crate) fn application(message: String, failure_type: String) -> Box<Failure> {
    let info = FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
        r#type: failure_type,
        ..ApplicationFailureInfo::default()
    });
    caused(message, info, None)
}

/// A result: one payload, or none at all.
pub(crate) fn single_payload(event: &Event, payloads: Option<Payloads>) -> Result<Option<Payload>, Error> {
    let Some(Payloads { mut payloads }) = payloads else {
        return Ok(None);
    };
    match (payloads.pop(), payloads.is_empty()) {
        (Some(payload), true) => Ok(Some(payload)),
        _ => Err(event.broken("its result is not exactly one payload")),
    }
}
