//! A typed client: starts workflows, talks to them and waits for their results.
//!
//! Owns the calls that programs and the command line make to a service, and nothing of how they are
//! presented. Markers such as `Greeting::run` name what is called and check the types of what goes in
//! and comes out; `UntypedWorkflow` and its siblings in `guest-sdk-types` take a name instead.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use greetings::Greetings;
//! use host::{ConnectOptions, client::{Client, StartOptions}};
//!
//! let options = ConnectOptions { address: "localhost:7233".to_owned(), ..ConnectOptions::default() };
//! let client = Client::connect(&options).await?;
//! let start = StartOptions::new("greetings").workflow_id("greet-ada");
//! let handle = client.start_workflow(Greetings::run, "Ada".to_owned(), start).await?;
//! println!("{}", handle.result().await?);
//! # Ok(())
//! # }
//! ```

mod chain;
mod error;
mod handle;
mod history;
mod list;
mod start;

use std::sync::Arc;

pub use chain::{Closed, WorkflowFailed};
pub use error::{AlreadyStarted, Error, RpcError};
pub use handle::{QueryOptions, UpdateOptions, WorkflowHandle};
pub use history::HistoryStream;
pub use list::{DEFAULT_LIST_PAGE_SIZE, ListOptions};
pub use start::{IdConflictPolicy, IdReusePolicy, StartOptions, Started};

use guest_sdk_types::WorkflowDefinition;
use host_service::{ConnectError, ConnectOptions, RemoteService, WorkflowService};

/// The namespace of a service that has only one.
pub const DEFAULT_NAMESPACE: &str = "default";

/// A client of one namespace of a service. Clones share the connection.
#[derive(Clone)]
pub struct Client {
    service: Arc<dyn WorkflowService>,
    namespace: String,
    identity: String,
}

impl Client {
    /// Connects to a service over the network.
    ///
    /// # Errors
    ///
    /// When nobody answers there, or not as a service.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let service = RemoteService::connect(options).await?;
        let namespace = match options.namespace.as_str() {
            "" => DEFAULT_NAMESPACE,
            namespace => namespace,
        };
        Ok(Self::new(Arc::new(service), namespace, options.identity.as_str()))
    }

    /// A client of this service, remote or in the same process.
    pub fn new(
        service: Arc<dyn WorkflowService>,
        namespace: impl Into<String>,
        identity: impl Into<String>,
    ) -> Self {
        Self { service, namespace: namespace.into(), identity: identity.into() }
    }

    /// The namespace in which every call is made.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What histories say of who called.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The service itself, for calls that this client does not wrap.
    #[must_use]
    pub fn service(&self) -> &Arc<dyn WorkflowService> {
        &self.service
    }

    /// Talks to an execution that exists already. Without a run id, to its current run.
    pub fn workflow_handle<W: WorkflowDefinition>(
        &self,
        workflow_id: impl Into<String>,
        run_id: Option<String>,
    ) -> WorkflowHandle<W> {
        WorkflowHandle::new(self.clone(), workflow_id.into(), run_id)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("namespace", &self.namespace)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
