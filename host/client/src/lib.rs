//! A typed client: starts workflows, talks to them and waits for their results.
//!
//! Owns the calls that programs make to a service, whether over the network or in the same process. A
//! definition names what is called and checks the types of arguments and results. Three kinds of
//! definitions exist:
//!
//! - markers such as `Greetings::run`, which the macros of `guest-sdk` make in a workflow crate;
//! - [`NamedWorkflow`] and its siblings, for programs that know a name and its types;
//! - [`UntypedWorkflow`] and its siblings, for names and values that come at run time.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use host_client::{Client, ConnectOptions, NamedWorkflow, StartOptions};
//!
//! const GREETINGS: NamedWorkflow<(String,), String> = NamedWorkflow::new("Greetings");
//!
//! let client = Client::connect(&ConnectOptions::to("localhost:7233")).await?;
//! let options = StartOptions::new("greetings").workflow_id("greet-ada");
//! let handle = client.start_workflow(GREETINGS, ("Ada".to_owned(),), options).await?;
//! println!("{}", handle.result().await?);
//! # Ok(())
//! # }
//! ```

/// Its code is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../guest-sdk/guide/client.md")]
struct Guide;

mod client;
mod closed;
mod error;
mod handle;
mod history;
pub mod interceptors;
mod list;
mod reset;
mod schedule;
mod start;
mod update;

pub use client::{Client, DEFAULT_NAMESPACE};
pub use closed::Closed;
pub use error::{AlreadyStarted, Error, RpcError, WorkflowFailed};
pub use guest_sdk_types::{
    NamedPayloads, NamedQuery, NamedSignal, NamedUpdate, NamedWorkflow, Payload, RawValue, UntypedQuery,
    UntypedSignal, UntypedUpdate, UntypedWorkflow,
};
pub use handle::{QueryOptions, WorkflowHandle};
pub use history::HistoryStream;
pub use host_service::{ClientIdentity, ConnectError, ConnectOptions, Tls};
pub use list::{DEFAULT_LIST_PAGE_SIZE, ListOptions};
pub use reset::{ResetOptions, ResetPoint};
pub use schedule::{ScheduleHandle, ScheduleOptions};
pub use start::{IdConflictPolicy, IdReusePolicy, StartOptions, Started};
pub use update::{UpdateHandle, UpdateOptions, UpdateStatus};
