//! Handlers of Nexus operations, on the host's side.
//!
//! Owns what a program registers, and the worker that polls for Nexus tasks and answers them. An operation is answered at
//! once by a function, or is the run of a workflow that a function starts:
//!
//! ```no_run
//! use host_nexus::{NexusError, NexusService};
//! use host_client::{NamedWorkflow, StartOptions};
//!
//! const REFUND: NamedWorkflow<(String,), u64> = NamedWorkflow::new("Refund");
//!
//! let payments = NexusService::new("payments")
//!     .sync_operation("quote", |_context, order: String| async move { Ok::<_, NexusError>(order.len()) })
//!     .workflow_run_operation("refund", |context, order: String| async move {
//!         let options = StartOptions::new("refunds").workflow_id(format!("refund-{order}"));
//!         context.start_workflow(REFUND, (order,), options).await
//!     });
//! ```
//!
//! The endpoint that callers name is made by an operator: `host operator nexus endpoint create`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod answer;
mod context;
mod error;
mod service;
mod token;
mod worker;

pub use context::{CancelOperationContext, StartOperationContext, WorkflowRun, WorkflowRunOperationContext};
pub use error::{HandlerErrorType, NexusError};
pub use service::{DuplicateOperation, NexusService, NexusServices};
pub use worker::NexusWorker;
