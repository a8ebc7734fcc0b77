//! Checks that several requests share.

use host_wire::temporal::api::common::v1::{Header, Payloads};
use prost::Message;

use crate::{error::Error, limits};

/// A name that is there and not too long.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::invalid(format!("{what} is not set on request.")));
    }
    check_length(what, name)
}

pub(crate) fn check_length(what: &str, name: &str) -> Result<(), Error> {
    if name.len() > limits::ID_BYTES {
        return Err(Error::invalid(format!("{what} length exceeds limit.")));
    }
    Ok(())
}

pub(crate) fn check_payloads(payloads: Option<&Payloads>) -> Result<(), Error> {
    check_input(payloads, None)
}

/// Payloads together with the header that goes along.
pub(crate) fn check_input(payloads: Option<&Payloads>, header: Option<&Header>) -> Result<(), Error> {
    let payloads = payloads.map_or(0, Message::encoded_len);
    if payloads + header.map_or(0, Message::encoded_len) > limits::BLOB_BYTES {
        return Err(Error::invalid("Blob data size exceeds limit."));
    }
    Ok(())
}
