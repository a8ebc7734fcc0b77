//! Calls activities in tests: without a workflow, a service or a host.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use guest_sdk_types::{
    ActivityDefinition, FromPayloads, IntoPayloads, NamedPayloads, Payload, PayloadError, Returned,
};
use host_activities::{
    Activities, ActivityContext, ActivityError, ActivityInfo, ActivityTask, CancelReason, Cancellation,
    Registry,
};
use serde::{Serialize, de::DeserializeOwned};

/// What the attempts of an activity find in a test: the fields of its task, headers, the heartbeat of an earlier attempt, and
/// cancellation. It keeps their heartbeats.
///
/// ```
/// use guest_sdk::activities::{ActivityContext, ActivityError};
/// use guest_sdk::activities;
/// use workflow_test::{ActivityEnvironment, CancelReason};
///
/// pub struct Import;
///
/// #[activities]
/// impl Import {
///     #[activity]
///     pub fn lines(ctx: ActivityContext, text: String) -> Result<usize, ActivityError> {
///         let done: usize = ctx.heartbeat_details()?.unwrap_or(0);
///         for (number, _line) in text.lines().enumerate().skip(done) {
///             ctx.record_heartbeat(number + 1)?;
///             if ctx.is_cancelled() {
///                 return Err(ActivityError::cancelled());
///             }
///         }
///         Ok(text.lines().count())
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), ActivityError> {
/// let environment = ActivityEnvironment::new(Import).with_heartbeat_details(1)?;
/// assert_eq!(environment.run(Import::lines, "a\nb\nc".to_owned()).await?, 3);
/// assert_eq!(environment.heartbeats::<usize>(), [2, 3]);
///
/// let environment = ActivityEnvironment::new(Import);
/// environment.cancel(CancelReason::Requested);
/// let error = environment.run(Import::lines, "a\nb\nc".to_owned()).await.unwrap_err();
/// assert_eq!(error, ActivityError::cancelled());
/// assert_eq!(environment.heartbeats::<usize>(), [1]);
/// # Ok(())
/// # }
/// ```
///
/// A clone is the same environment, for a test that cancels while the activity runs.
#[derive(Clone, Debug)]
pub struct ActivityEnvironment {
    /// The fields of the task; the activity type is set by [`run`](Self::run).
    pub info: ActivityInfo,
    /// The headers, by name.
    pub headers: NamedPayloads,
    registry: Registry,
    heartbeat_details: Vec<Payload>,
    heartbeats: Arc<Mutex<Vec<Vec<Payload>>>>,
    cancellation: Cancellation,
}

impl ActivityEnvironment {
    /// An environment of the activities of an instance: first attempts, of workflow `test` on task queue `test`.
    ///
    /// # Panics
    ///
    /// When two of them have one name.
    #[must_use]
    pub fn new<A: Activities>(activities: A) -> Self {
        let mut registry = Registry::new();
        if let Err(error) = registry.register_activities(activities) {
            panic!("{error}");
        }
        let now = Some(std::time::SystemTime::now());
        let test = || "test".to_owned();
        let info = ActivityInfo {
            task_token: test().into_bytes(),
            activity_id: test(),
            namespace: "default".to_owned(),
            workflow_id: Some(test()),
            workflow_run_id: Some(test()),
            workflow_type: Some(test()),
            task_queue: test(),
            attempt: 1,
            scheduled_time: now,
            current_attempt_scheduled_time: now,
            started_time: now,
            ..ActivityInfo::default()
        };
        Self {
            info,
            headers: NamedPayloads::new(),
            registry,
            heartbeat_details: Vec::new(),
            heartbeats: Arc::default(),
            cancellation: Cancellation::new(),
        }
    }

    /// With the details of the last heartbeat of an earlier attempt.
    ///
    /// # Errors
    ///
    /// When they cannot be encoded.
    pub fn with_heartbeat_details<T: Serialize>(self, details: T) -> Result<Self, PayloadError> {
        Ok(Self { heartbeat_details: (details,).into_payloads()?, ..self })
    }

    /// Runs an attempt of an activity, named by its marker such as `Shop::charge`, with its arguments as a host gives them: through
    /// payloads. An async activity runs in this task; others run on a thread, also those of the process pool. No timeout
    /// ends it.
    ///
    /// # Errors
    ///
    /// That of the activity, or when arguments or result cannot be encoded or decoded.
    ///
    /// # Panics
    ///
    /// When the activity panics, or is none of those of the instance.
    pub async fn run<A: ActivityDefinition>(
        &self,
        activity: A,
        input: impl Into<A::Input>,
    ) -> Result<A::Output, ActivityError> {
        let definition = match self.registry.find(activity.name()) {
            Ok(definition) => definition,
            Err(error) => panic!("{error}"),
        };
        let task = ActivityTask {
            info: ActivityInfo { activity_type: activity.name().to_owned(), ..self.info.clone() },
            headers: self.headers.clone(),
            arguments: A::arguments(input.into()).into_payloads()?,
            heartbeat_details: self.heartbeat_details.clone(),
        };
        let heartbeats = Arc::clone(&self.heartbeats);
        let (context, arguments) = ActivityContext::new(task, self.cancellation.clone(), move |details| {
            lock(&heartbeats).push(details);
        });
        let result = definition.call(context, arguments).await?;
        Ok(A::Output::from_payload(Some(result))?)
    }

    /// Cancels the attempts of this environment, also those that are to come. Only the first reason counts.
    pub fn cancel(&self, reason: CancelReason) {
        self.cancellation.cancel(reason);
    }

    /// The details of the heartbeats so far, in their order. All of them, where a host sends some to the service.
    ///
    /// # Panics
    ///
    /// When an activity recorded details of another type.
    #[must_use]
    pub fn heartbeats<T: DeserializeOwned>(&self) -> Vec<T> {
        let decoded = |details: &Vec<Payload>| match <(T,)>::from_payloads(details) {
            Ok((details,)) => details,
            Err(error) => panic!("a heartbeat has other details: {error}"),
        };
        lock(&self.heartbeats).iter().map(decoded).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
