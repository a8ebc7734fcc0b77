//! Interceptors: code around the calls of a client, by the names of Temporal's Rust SDK.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use guest_sdk_types::Next;
use guest_sdk_types::{NamedPayloads, Payload, to_arguments};
use host_wire::temporal::api::{
    enums::v1::UpdateWorkflowExecutionLifecycleStage as Stage,
    update::v1::{Outcome, UpdateRef},
};

use crate::{error::Error, handle::QueryOptions, start::StartOptions, update::UpdateOptions};

/// The future of a call.
pub type ClientFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Wraps the calls of a client: see [`Client::with_interceptor`](crate::Client::with_interceptor).
///
/// ```
/// use host_client::{NamedPayloads, Payload};
/// use host_client::interceptors::{
///     ClientFuture, ClientInterceptor, Next, StartWorkflowInput, StartWorkflowOutput,
/// };
///
/// /// Starts every workflow for a tenant.
/// struct Tenant(NamedPayloads);
///
/// impl ClientInterceptor for Tenant {
///     fn start_workflow<'a>(
///         &'a self,
///         mut input: StartWorkflowInput,
///         next: Next<'a, StartWorkflowInput, ClientFuture<'a, StartWorkflowOutput>>,
///     ) -> ClientFuture<'a, StartWorkflowOutput> {
///         input.options.headers.extend(self.0.clone());
///         next.run(input)
///     }
/// }
///
/// # fn example(client: host_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let tenant = [("tenant".to_owned(), Payload::from_value("acme")?)].into();
/// let client = client.with_interceptor(Tenant(tenant));
/// # Ok(())
/// # }
/// ```
pub trait ClientInterceptor: Send + Sync + 'static {
    /// A workflow is started.
    fn start_workflow<'a>(
        &'a self,
        input: StartWorkflowInput,
        next: Next<'a, StartWorkflowInput, ClientFuture<'a, StartWorkflowOutput>>,
    ) -> ClientFuture<'a, StartWorkflowOutput> {
        next.run(input)
    }

    /// A workflow is sent a signal.
    fn signal_workflow<'a>(
        &'a self,
        input: SignalWorkflowInput,
        next: Next<'a, SignalWorkflowInput, ClientFuture<'a, ()>>,
    ) -> ClientFuture<'a, ()> {
        next.run(input)
    }

    /// A workflow is queried.
    fn query_workflow<'a>(
        &'a self,
        input: QueryWorkflowInput,
        next: Next<'a, QueryWorkflowInput, ClientFuture<'a, QueryWorkflowOutput>>,
    ) -> ClientFuture<'a, QueryWorkflowOutput> {
        next.run(input)
    }

    /// A workflow is sent an update. The future ends when the service has answered for the first time.
    fn start_workflow_update<'a>(
        &'a self,
        input: StartWorkflowUpdateInput,
        next: Next<'a, StartWorkflowUpdateInput, ClientFuture<'a, StartWorkflowUpdateOutput>>,
    ) -> ClientFuture<'a, StartWorkflowUpdateOutput> {
        next.run(input)
    }

    /// A workflow is started, unless its id is in use, and sent an update.
    fn update_with_start_workflow<'a>(
        &'a self,
        input: UpdateWithStartWorkflowInput,
        next: Next<'a, UpdateWithStartWorkflowInput, ClientFuture<'a, UpdateWithStartWorkflowOutput>>,
    ) -> ClientFuture<'a, UpdateWithStartWorkflowOutput> {
        next.run(input)
    }
}

/// The input of [`ClientInterceptor::start_workflow`]. Its headers are those of the options.
#[derive(Debug)]
#[non_exhaustive]
pub struct StartWorkflowInput {
    /// The workflow type.
    pub workflow_type: String,
    /// The arguments, one payload for each.
    pub arguments: Vec<Payload>,
    /// The options, with the workflow id.
    pub options: StartOptions,
}

/// The run that has the workflow id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartWorkflowOutput {
    /// The workflow id.
    pub workflow_id: String,
    /// The run id.
    pub run_id: String,
    /// Whether this call started the run.
    pub is_new: bool,
}

impl StartWorkflowOutput {
    /// The answer of an interceptor that does not go on: a run that this call has not started.
    pub fn new(workflow_id: impl Into<String>, run_id: impl Into<String>) -> Self {
        Self { workflow_id: workflow_id.into(), run_id: run_id.into(), is_new: false }
    }
}

/// The input of [`ClientInterceptor::signal_workflow`].
#[derive(Debug)]
#[non_exhaustive]
pub struct SignalWorkflowInput {
    /// The workflow id.
    pub workflow_id: String,
    /// The run id; empty: the current run.
    pub run_id: String,
    /// The name of the signal.
    pub signal_name: String,
    /// The arguments, one payload for each.
    pub arguments: Vec<Payload>,
    /// The headers.
    pub headers: NamedPayloads,
}

/// The input of [`ClientInterceptor::query_workflow`].
#[derive(Debug)]
#[non_exhaustive]
pub struct QueryWorkflowInput {
    /// The workflow id.
    pub workflow_id: String,
    /// The run id; empty: the current run.
    pub run_id: String,
    /// The name of the query.
    pub query_name: String,
    /// The arguments, one payload for each.
    pub arguments: Vec<Payload>,
    /// The headers.
    pub headers: NamedPayloads,
    /// The options.
    pub options: QueryOptions,
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct QueryWorkflowOutput {
    /// The result. `None` is decoded as null.
    pub result: Option<Payload>,
}

impl QueryWorkflowOutput {
    /// This result.
    #[must_use]
    pub fn new(result: Option<Payload>) -> Self {
        Self { result }
    }
}

/// The input of [`ClientInterceptor::start_workflow_update`].
#[derive(Debug)]
#[non_exhaustive]
pub struct StartWorkflowUpdateInput {
    /// The workflow id.
    pub workflow_id: String,
    /// The run id; empty: the current run.
    pub run_id: String,
    /// The name of the update.
    pub update_name: String,
    /// The arguments, one payload for each.
    pub arguments: Vec<Payload>,
    /// The headers.
    pub headers: NamedPayloads,
    /// The options.
    pub options: UpdateOptions,
    /// The stage that the service is to wait for.
    pub(crate) stage: Stage,
}

/// The first answer to an update.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StartWorkflowUpdateOutput {
    /// The update, as the service names it.
    pub reference: Option<UpdateRef>,
    /// The outcome, if the update has ended.
    pub outcome: Option<Outcome>,
    /// The stage that the update has reached.
    pub(crate) stage: Stage,
}

/// The input of [`ClientInterceptor::update_with_start_workflow`].
#[derive(Debug)]
#[non_exhaustive]
pub struct UpdateWithStartWorkflowInput {
    /// The start, with the workflow id.
    pub start: StartWorkflowInput,
    /// The update of that workflow.
    pub update: StartWorkflowUpdateInput,
}

/// The answers to a start and its update.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UpdateWithStartWorkflowOutput {
    /// The run that has the workflow id.
    pub start: StartWorkflowOutput,
    /// The first answer to the update.
    pub update: StartWorkflowUpdateOutput,
}

to_arguments! {
    StartWorkflowInput => arguments;
    SignalWorkflowInput => arguments;
    QueryWorkflowInput => arguments;
    StartWorkflowUpdateInput => arguments;
}

/// The method of an interceptor for a call.
pub(crate) type Hook<'a, I, O> =
    fn(&'a dyn ClientInterceptor, I, Next<'a, I, ClientFuture<'a, O>>) -> ClientFuture<'a, O>;

/// Passes a call through interceptors, and then to `end`.
pub(crate) fn call<'a, I: 'a, O: 'a>(
    interceptors: &'a [Arc<dyn ClientInterceptor>],
    input: I,
    hook: Hook<'a, I, O>,
    end: Next<'a, I, ClientFuture<'a, O>>,
) -> ClientFuture<'a, O> {
    let Some((first, others)) = interceptors.split_first() else { return end.run(input) };
    hook(&**first, input, Next::new(move |input| call(others, input, hook, end)))
}
