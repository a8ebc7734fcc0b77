//! Between the contract's types (WIT) and the protocol's (protobuf): one file per concept, each with
//! `to_guest`, `to_wire`, or both.
//!
//! Values are moved, not cloned. What comes from a service always has a counterpart; what a guest made
//! up may not, which is the guest's fault ([`Malformed`]). No meaning here: which command follows on
//! which is `host-core`'s business, what a guest may import the sandbox's.

mod activation;
mod activity;
mod child_workflow;
mod command;
mod continue_as_new;
mod defaults;
mod external_workflow;
pub(crate) mod failure;
mod local_activity;
mod malformed;
mod named_payloads;
mod nexus;
mod outcome;
pub(crate) mod payload;
mod priority;
mod query;
mod retry_policy;
mod signal;
mod start;
mod time;
mod update;
mod user_metadata;

pub(crate) use activation::to_guest as activation_to_guest;
pub(crate) use command::to_core as command_to_core;
pub(crate) use defaults::Defaults;
pub(crate) use malformed::Malformed;
pub(crate) use query::to_guest as query_to_guest;
pub use start::RunIdentity;
pub(crate) use update::to_guest as update_to_guest;
