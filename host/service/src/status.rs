//! Details of a gRPC status beside code and message: a `google.rpc.Status` in the trailer
//! `grpc-status-details-bin`, with one message of `temporal.api.errordetails.v1`.

use host_wire::google::rpc;
use prost::{Message, Name};
use prost_types::Any;
use tonic::{Code, Status};

/// A status with one detail.
#[must_use]
pub fn status_with_detail<M: Message + Name>(code: Code, message: &str, detail: &M) -> Status {
    let details = rpc::Status {
        code: code.into(),
        message: message.to_owned(),
        details: vec![Any { type_url: M::type_url(), value: detail.encode_to_vec() }],
    };
    Status::with_details(code, message, details.encode_to_vec().into())
}

/// The detail of this type, if the status has one.
#[must_use]
pub fn status_detail<M: Message + Name + Default>(status: &Status) -> Option<M> {
    let details = rpc::Status::decode(status.details()).ok()?.details;
    details.iter().find_map(|detail| detail.to_msg().ok())
}

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::errordetails::v1::{NamespaceNotFoundFailure, NotFoundFailure};

    use super::*;

    #[test]
    fn details_are_found_by_type() {
        let detail = NamespaceNotFoundFailure { namespace: "orders".to_owned() };
        let status = status_with_detail(Code::NotFound, "no such namespace", &detail);
        assert_eq!(status_detail(&status), Some(detail));
        assert_eq!(status_detail::<NotFoundFailure>(&status), None);
        let garbled = Status::with_details(Code::NotFound, "", bytes::Bytes::from_static(b"\xff"));
        assert_eq!(status_detail::<NotFoundFailure>(&garbled), None);
    }
}
