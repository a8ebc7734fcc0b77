//! Interceptors: code around every activity of a host, by the names of Temporal's SDKs.
//!
//! They run in the host, also for activities in child processes, and for local activities.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use guest_sdk_types::Next;
use guest_sdk_types::{NamedPayloads, Payload, to_arguments};

use crate::error::ActivityError;
use crate::info::{ActivityInfo, ActivityTask};

/// The result of an activity.
pub type ExecuteActivityResult = Result<Payload, ActivityError>;

/// The future of an activity's result.
pub type ExecuteActivityOutput<'a> = Pin<Box<dyn Future<Output = ExecuteActivityResult> + Send + 'a>>;

/// Wraps the attempts of activities: what the service asks for.
///
/// ```
/// use host_activities::interceptors::{
///     ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next,
/// };
/// use host_activities::types::Failure;
///
/// /// Runs activities for tenants only.
/// struct Tenants;
///
/// impl ActivityInboundInterceptor for Tenants {
///     fn execute_activity<'a>(
///         &'a self,
///         input: ExecuteActivityInput,
///         next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
///     ) -> ExecuteActivityOutput<'a> {
///         Box::pin(async move {
///             if !input.headers().contains_key("tenant") {
///                 let refused = Failure::application("NoTenant", "no tenant in the headers");
///                 return Err(refused.non_retryable().build().into());
///             }
///             next.run(input).await
///         })
///     }
/// }
///
/// let mut registry = host_activities::Registry::new();
/// registry.activity_inbound_interceptor(Tenants);
/// ```
pub trait ActivityInboundInterceptor: Send + Sync + 'static {
    /// An attempt begins. The future runs as an async activity does: it must not block, and is dropped when the
    /// attempt is given up.
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        next.run(input)
    }
}

/// Wraps the calls that activities make to their host.
pub trait ActivityOutboundInterceptor: Send + Sync + 'static {
    /// An activity records a heartbeat. Without `next` it is not recorded: the heartbeat timeout goes on.
    fn heartbeat(&self, input: HeartbeatInput, next: Next<'_, HeartbeatInput, ()>) {
        next.run(input);
    }
}

/// The input of [`ActivityInboundInterceptor::execute_activity`]. What interceptors pass on is what the activity gets.
#[derive(Debug)]
#[non_exhaustive]
pub struct ExecuteActivityInput {
    pub(crate) task: ActivityTask,
}

impl ExecuteActivityInput {
    /// The ids, timeouts and other fields of the activity task.
    pub fn activity_info(&self) -> &ActivityInfo {
        &self.task.info
    }

    /// The headers of the activity, by name.
    pub fn headers(&self) -> &NamedPayloads {
        &self.task.headers
    }

    /// The headers of the activity, to change them.
    pub fn headers_mut(&mut self) -> &mut NamedPayloads {
        &mut self.task.headers
    }

    /// The arguments, one payload for each.
    pub fn arguments(&self) -> &[Payload] {
        &self.task.arguments
    }

    /// The arguments, to change them.
    pub fn arguments_mut(&mut self) -> &mut Vec<Payload> {
        &mut self.task.arguments
    }
}

to_arguments! { ExecuteActivityInput => task.arguments; }

/// The input of [`ActivityOutboundInterceptor::heartbeat`].
#[derive(Debug)]
#[non_exhaustive]
pub struct HeartbeatInput {
    pub(crate) info: Arc<ActivityInfo>,
    pub(crate) details: Vec<Payload>,
}

impl HeartbeatInput {
    /// The ids, timeouts and other fields of the activity task.
    pub fn activity_info(&self) -> &ActivityInfo {
        &self.info
    }

    /// The details, one payload for each.
    pub fn details(&self) -> &[Payload] {
        &self.details
    }

    /// The details, to change them.
    pub fn details_mut(&mut self) -> &mut Vec<Payload> {
        &mut self.details
    }
}

/// The interceptors of a host, in the order of their registration. Inbound calls meet the first one first, outbound calls the
/// last one.
#[derive(Clone, Default)]
pub(crate) struct Interceptors {
    pub(crate) inbound: Vec<Arc<dyn ActivityInboundInterceptor>>,
    pub(crate) outbound: Vec<Arc<dyn ActivityOutboundInterceptor>>,
}

impl std::fmt::Debug for Interceptors {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} inbound, {} outbound", self.inbound.len(), self.outbound.len())
    }
}

/// Passes an attempt through inbound interceptors, and then to `end`.
pub(crate) fn execute_activity<'a>(
    interceptors: &'a [Arc<dyn ActivityInboundInterceptor>],
    input: ExecuteActivityInput,
    end: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
) -> ExecuteActivityOutput<'a> {
    let Some((first, others)) = interceptors.split_first() else { return end.run(input) };
    first.execute_activity(input, Next::new(move |input| execute_activity(others, input, end)))
}

/// Passes a heartbeat through outbound interceptors, and then to `end`.
pub(crate) fn heartbeat<'a>(
    interceptors: &'a [Arc<dyn ActivityOutboundInterceptor>],
    input: HeartbeatInput,
    end: Next<'a, HeartbeatInput, ()>,
) {
    match interceptors.split_last() {
        Some((last, others)) => last.heartbeat(input, Next::new(move |input| heartbeat(others, input, end))),
        None => end.run(input),
    }
}
