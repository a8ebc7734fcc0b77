//! Activities: a workflow schedules them, and implementations take their context from here.
//!
//! [`ActivityContext`] and [`ActivityError`] exist on the host only; in the sandbox both are types without
//! values.

mod handle;
mod local;
mod options;

use std::rc::Rc;

use guest_sdk_types::{ActivityDefinition, IntoPayloads, Payload};
#[cfg(not(target_family = "wasm"))]
pub use host_activities::{ActivityContext, ActivityError, ActivityInfo, HeartbeatError};

pub use self::handle::ActivityHandle;
use self::handle::ScheduledActivity;
use self::local::LocalActivity;
pub use self::options::{
    ActivityCancellationType, ActivityCloseTimeouts, ActivityOptions, ActivityOptionsBuilder,
    LocalActivityOptions, LocalActivityOptionsBuilder,
};
use crate::context::SyncWorkflowContext;
use crate::error::ActivityExecutionError;
use crate::host;
use crate::operation::{Issued, Operation, outcome};
use crate::outbound_call::OutboundCall;
use crate::pending::OperationKind;
use crate::run_state::RunState;
use crate::workflow_interceptors::{
    ScheduleActivityInput, ScheduleActivityResult, ScheduleLocalActivityInput, call_outbound,
    has_interceptors,
};

/// The context of an activity. It exists on the host only.
#[cfg(target_family = "wasm")]
#[derive(Debug)]
pub enum ActivityContext {}

/// Why an activity gives no result. It exists on the host only.
#[cfg(target_family = "wasm")]
#[derive(Debug)]
pub enum ActivityError {}

impl<W> SyncWorkflowContext<W> {
    /// Schedules an activity and returns its handle: a future of the result that can be stored, passed on
    /// and cancelled.
    pub fn start_activity<A: ActivityDefinition>(
        &self,
        activity: A,
        input: impl Into<A::Input>,
        options: ActivityOptions,
    ) -> ActivityHandle<A::Output> {
        schedule::<A>(input, |arguments| schedule_remote(self.run(), activity.name(), arguments, options))
    }

    /// Schedules an activity, to await its result: [`start_activity`](Self::start_activity) by the name
    /// that Temporal's SDKs use.
    ///
    /// This call schedules the activity, not the `await`.
    pub fn execute_activity<A: ActivityDefinition>(
        &self,
        activity: A,
        input: impl Into<A::Input>,
        options: ActivityOptions,
    ) -> ActivityHandle<A::Output> {
        self.start_activity(activity, input, options)
    }

    /// Schedules a local activity: the host that runs the workflow executes it within the workflow task.
    pub fn start_local_activity<A: ActivityDefinition>(
        &self,
        activity: A,
        input: impl Into<A::Input>,
        options: LocalActivityOptions,
    ) -> ActivityHandle<A::Output> {
        schedule::<A>(input, |arguments| schedule_local(self.run(), activity.name(), arguments, options))
    }

    /// Schedules a local activity, to await its result:
    /// [`start_local_activity`](Self::start_local_activity) by the name that Temporal's SDKs use.
    pub fn execute_local_activity<A: ActivityDefinition>(
        &self,
        activity: A,
        input: impl Into<A::Input>,
        options: LocalActivityOptions,
    ) -> ActivityHandle<A::Output> {
        self.start_local_activity(activity, input, options)
    }
}

/// Encodes the arguments and issues the command.
fn schedule<A: ActivityDefinition>(
    input: impl Into<A::Input>,
    issue: impl FnOnce(Vec<Payload>) -> ScheduledActivity,
) -> ActivityHandle<A::Output> {
    ActivityHandle::new(match A::arguments(input.into()).into_payloads() {
        Ok(arguments) => Issued::Sent(issue(arguments)),
        Err(error) => Issued::NotEncoded(Some(error)),
    })
}

fn schedule_remote(
    run: &Rc<RunState>,
    activity_type: &str,
    arguments: Vec<Payload>,
    options: ActivityOptions,
) -> ScheduledActivity {
    if !has_interceptors(run) {
        return ScheduledActivity::Call(issue(run, activity_type, arguments, options));
    }
    let input = ScheduleActivityInput { activity_type: activity_type.to_owned(), arguments, options };
    let future = call_outbound(
        run,
        input,
        |interceptor, context, input, next| interceptor.schedule_activity(context, input, next),
        |run, input| issue(run, &input.activity_type, input.arguments, input.options).into_outbound_future(),
    );
    ScheduledActivity::Call(OutboundCall::Intercepted(future.begun()))
}

fn issue(
    run: &RunState,
    activity_type: &str,
    arguments: Vec<Payload>,
    options: ActivityOptions,
) -> OutboundCall<ScheduleActivityResult> {
    let token = options.cancellation_token.clone().unwrap_or_else(|| run.token.clone());
    let seq = host::activities::schedule(&options.into_command(activity_type, arguments));
    let operation = Operation::new(run, (OperationKind::Activity, seq), &token);
    OutboundCall::Operation(operation, |resolution| outcome(resolution, ActivityExecutionError::of))
}

fn schedule_local(
    run: &Rc<RunState>,
    activity_type: &str,
    arguments: Vec<Payload>,
    options: LocalActivityOptions,
) -> ScheduledActivity {
    if !has_interceptors(run) {
        return ScheduledActivity::Local(Box::new(issue_local(run, activity_type, arguments, options)));
    }
    let input = ScheduleLocalActivityInput { activity_type: activity_type.to_owned(), arguments, options };
    let future = call_outbound(
        run,
        input,
        |interceptor, context, input, next| interceptor.schedule_local_activity(context, input, next),
        |run, input| {
            issue_local(run, &input.activity_type, input.arguments, input.options).into_outbound_future()
        },
    );
    ScheduledActivity::Call(OutboundCall::Intercepted(future.begun()))
}

fn issue_local(
    run: &Rc<RunState>,
    activity_type: &str,
    arguments: Vec<Payload>,
    options: LocalActivityOptions,
) -> LocalActivity {
    let token = options.cancellation_token.clone().unwrap_or_else(|| run.token.clone());
    LocalActivity::new(run, options.into_command(activity_type, arguments), token)
}
