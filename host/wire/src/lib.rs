//! The messages of the Temporal protocol: histories, payloads, failures, protojson.
//!
//! Owns everything that knows how things look on the wire. It knows nothing of connections and
//! services (that is `host-service`), nothing of what events mean (that is `host-core`) and nothing of
//! sandboxes, activities or storage.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod descriptor;
mod failure;
mod generated;
mod history;
mod nexus_link;
mod parts;
mod payload;
pub mod protojson;
mod retry_policy;
pub mod text;
mod time;
mod walk;

pub use descriptor::{HTTP_RULES, pool as descriptor_pool};
pub use generated::{google, grpc, temporal};
pub use guest_sdk_types::MAX_PAYLOADS_BYTES;
pub use history::{
    AttributesMessage, EventAttributes, History, HistoryError, RawEvent, ScheduledActivity, TaskCompletion,
    TaskStart, accepted_after, activity_result, event_type, event_type_name, marker_name,
};
pub use nexus_link::{link_from_nexus, link_to_nexus};
pub use parts::{Part, Parts};
pub use payload::{payloads_from_proto, payloads_to_proto};
pub use retry_policy::Retry;
pub use time::{
    duration_from_proto, duration_to_proto, positive_duration_from_proto, timestamp_from_proto,
    timestamp_to_proto, timestamp_to_unix_nanos,
};
pub use walk::{Visitor, Walk};
