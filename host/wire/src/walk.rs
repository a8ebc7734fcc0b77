//! Walks over everything in a request that has a bound: strings, keys, bytes, failures and durations, at any depth. What is done
//! with them is a [`Visitor`]'s; the implementations are generated, so that no field is forgotten.

use bytes::Bytes;

use crate::temporal::api::failure::v1::Failure;

/// A message that a request of the workflow service is or holds.
pub trait Walk {
    /// Shows every part that has a bound to the visitor, in the order of the fields.
    fn walk(&mut self, visitor: &mut dyn Visitor);
}

/// What a walk shows its parts to. `field` is the full name of a field of the protocol, as
/// `temporal.api.common.v1.WorkflowExecution.workflow_id`.
pub trait Visitor {
    /// A string, or one of several.
    fn string(&mut self, field: &'static str, value: &mut String);

    /// A key of a map.
    fn key(&mut self, field: &'static str, value: &str);

    /// Bytes, such as the data of a payload.
    fn bytes(&mut self, field: &'static str, value: &Bytes);

    /// A failure. Its own parts are not shown.
    fn failure(&mut self, field: &'static str, failure: &mut Failure);

    /// A duration.
    fn duration(&mut self, field: &'static str, duration: &mut prost_types::Duration);
}

impl Walk for prost_types::Any {
    fn walk(&mut self, visitor: &mut dyn Visitor) {
        visitor.string("google.protobuf.Any.type_url", &mut self.type_url);
    }
}

impl Walk for prost_types::FieldMask {
    fn walk(&mut self, visitor: &mut dyn Visitor) {
        for path in &mut self.paths {
            visitor.string("google.protobuf.FieldMask.paths", path);
        }
    }
}

/// The implementations of the protocol's messages, by `build/walk.rs`.
mod generated {
    #![allow(
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        clippy::too_many_lines,
        unused_variables,
        reason = "generated code"
    )]

    use super::{Visitor, Walk};

    include!(concat!(env!("OUT_DIR"), "/walk.rs"));
}
