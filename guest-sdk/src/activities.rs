//! Activities: a workflow schedules them, and implementations take their context from here.
//!
//! [`ActivityContext`] and [`ActivityError`] exist on the host only; in the sandbox both are types without
//! values.

mod handle;
mod local;
mod options;

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
use crate::host;
use crate::operation::{Issued, Operation};
use crate::pending::OperationKind;

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
        let token = options.cancellation_token.clone().unwrap_or_else(|| self.cancellation_token());
        schedule::<A>(input, |arguments| {
            let seq = host::activities::schedule(&options.into_command(activity.name(), arguments));
            let key = (OperationKind::Activity, seq);
            ScheduledActivity::Remote(Operation::new(self.run(), key, &token))
        })
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
        let token = options.cancellation_token.clone().unwrap_or_else(|| self.cancellation_token());
        schedule::<A>(input, |arguments| {
            let command = options.into_command(activity.name(), arguments);
            ScheduledActivity::Local(Box::new(LocalActivity::new(self.run(), command, token)))
        })
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
