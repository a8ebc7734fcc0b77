//! Activities that a test replaces by a closure.

use std::sync::{Arc, Mutex, PoisonError};

use guest_sdk_types::{ActivityDefinition, FromPayloads, Payload, RawValue};
use host_activities::{ActivityContext, ActivityError, Definition};
use serde::Serialize;

type Run<A> = dyn Fn(
        <A as guest_sdk_types::Callable>::Arguments,
    ) -> Result<<A as guest_sdk_types::Callable>::Output, ActivityError>
    + Send
    + Sync;

/// An activity whose implementation is a closure of the test. It keeps what it was called with.
pub struct ActivityMock<A: ActivityDefinition> {
    name: String,
    run: Arc<Run<A>>,
    calls: Arc<Mutex<Vec<Vec<Payload>>>>,
}

impl<A> ActivityMock<A>
where
    A: ActivityDefinition<Arguments: 'static, Output: Serialize> + 'static,
{
    /// Replaces `activity`, named by its marker such as `Shop::charge`. The closure gets the arguments as a tuple, and
    /// may block.
    pub fn new<E: Into<ActivityError>>(
        activity: A,
        run: impl Fn(A::Arguments) -> Result<A::Output, E> + Send + Sync + 'static,
    ) -> Self {
        let run = move |arguments| run(arguments).map_err(Into::into);
        Self { name: activity.name().to_owned(), run: Arc::new(run), calls: Arc::default() }
    }

    /// The arguments of each attempt so far, in their order.
    ///
    /// # Panics
    ///
    /// When a workflow called it with arguments of other types.
    #[must_use]
    pub fn calls(&self) -> Vec<A::Arguments> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let decoded = |arguments: &Vec<Payload>| match A::Arguments::from_payloads(arguments) {
            Ok(arguments) => arguments,
            Err(error) => panic!("activity `{}` was called with other arguments: {error}", self.name),
        };
        calls.iter().map(decoded).collect()
    }

    pub(crate) fn definition(&self) -> Definition {
        let (run, calls) = (Arc::clone(&self.run), Arc::clone(&self.calls));
        let called = move |_: ActivityContext, RawValue(arguments): RawValue| {
            let decoded = A::Arguments::from_payloads(&arguments);
            calls.lock().unwrap_or_else(PoisonError::into_inner).push(arguments);
            run(decoded?)
        };
        Definition::thread(self.name.clone(), called)
    }
}

impl<A: ActivityDefinition> std::fmt::Debug for ActivityMock<A> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ActivityMock").field("name", &self.name).finish_non_exhaustive()
    }
}
