//! What a call needs: a service, a namespace in it, and who calls.

use std::{sync::Arc, time::Duration};

use host_service::{ConnectError, ConnectOptions, RemoteService, WorkflowService};

use crate::interceptors::{self, ClientFuture, ClientInterceptor, Hook, Next};

/// The namespace that every service has unless its operator removed it.
pub const DEFAULT_NAMESPACE: &str = "default";

/// How long the service may be away while a call waits for a run, unless set otherwise: restarts and upgrades take less.
const DEFAULT_OUTAGE_LIMIT: Duration = Duration::from_secs(600);

/// A client of one namespace of a service. Clones share the connection.
#[derive(Clone)]
pub struct Client {
    pub(crate) service: Arc<dyn WorkflowService>,
    pub(crate) namespace: String,
    pub(crate) identity: String,
    pub(crate) outage_limit: Duration,
    interceptors: Arc<[Arc<dyn ClientInterceptor>]>,
}

impl Client {
    /// Connects to a service over the network.
    ///
    /// # Errors
    ///
    /// As [`RemoteService::connect`].
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
        Self {
            service,
            namespace: namespace.into(),
            identity: identity.into(),
            outage_limit: DEFAULT_OUTAGE_LIMIT,
            interceptors: Arc::default(),
        }
    }

    /// How long the service may be away while a call waits for a run to get on or to close, as [`WorkflowHandle::result`]
    /// does; 10 minutes unless set. Other calls are tried for some seconds.
    ///
    /// [`WorkflowHandle::result`]: crate::WorkflowHandle::result
    #[must_use]
    pub fn with_outage_limit(self, outage_limit: Duration) -> Self {
        Self { outage_limit, ..self }
    }

    /// Passes starts, signals, queries and updates of this client through an interceptor too. The first one added is the
    /// outermost.
    #[must_use]
    pub fn with_interceptor<I: ClientInterceptor>(self, interceptor: I) -> Self {
        let added: Arc<dyn ClientInterceptor> = Arc::new(interceptor);
        let interceptors = self.interceptors.iter().cloned().chain([added]).collect();
        Self { interceptors, ..self }
    }

    /// Passes a call through the interceptors, and then to `end`.
    pub(crate) fn intercepted<'a, I: Send + 'a, O: 'a>(
        &'a self,
        input: I,
        hook: Hook<'a, I, O>,
        end: fn(&'a Self, I) -> ClientFuture<'a, O>,
    ) -> ClientFuture<'a, O> {
        interceptors::call(&self.interceptors, input, hook, Next::new(move |input| end(self, input)))
    }

    /// The namespace in which every call is made.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Field `identity` of every request, which histories keep.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The service itself, for calls that this client does not wrap.
    #[must_use]
    pub fn service(&self) -> &Arc<dyn WorkflowService> {
        &self.service
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
