//! The activities of a host, by name.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use guest_sdk_types::{FromPayloads, Payload};
use serde::Serialize;

use crate::context::ActivityContext;
use crate::error::ActivityError;
use crate::failure_type;
use crate::interceptors::{ActivityInboundInterceptor, ActivityOutboundInterceptor, Interceptors};

/// Activities that share one instance. `#[activities]` implements it, as in this example:
///
/// ```
/// use std::sync::Arc;
/// use host_activities::{
///     Activities, ActivityContext, ActivityError, Definition, DuplicateActivity, Registry,
/// };
///
/// struct Greeter {
///     greeting: String,
/// }
///
/// impl Greeter {
///     async fn greet(self: Arc<Self>, _: ActivityContext, name: String) -> Result<String, ActivityError> {
///         Ok(format!("{}, {name}!", self.greeting))
///     }
///
///     fn shout(_: ActivityContext, text: String, times: usize) -> Result<String, ActivityError> {
///         Ok(text.to_uppercase().repeat(times))
///     }
/// }
///
/// impl Activities for Greeter {
///     fn register(self: Arc<Self>, registry: &mut Registry) -> Result<(), DuplicateActivity> {
///         registry.register(Definition::asynchronous("greet", move |context, (name,)| {
///             Arc::clone(&self).greet(context, name)
///         }))?;
///         registry.register(Definition::thread("shout", |context, (text, times)| {
///             Self::shout(context, text, times)
///         }))?;
///         Ok(())
///     }
/// }
///
/// let mut registry = Registry::new();
/// registry.register_activities(Greeter { greeting: "Hello".to_owned() })?;
/// assert_eq!(registry.names().collect::<Vec<_>>(), ["greet", "shout"]);
/// # Ok::<(), DuplicateActivity>(())
/// ```
pub trait Activities: Send + Sync + 'static {
    /// Registers every activity, each with a clone of the instance.
    ///
    /// # Errors
    /// An activity with one of the names is registered already.
    fn register(self: Arc<Self>, registry: &mut Registry) -> Result<(), DuplicateActivity>;
}

/// The executor that runs an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExecutorKind {
    /// A task of the async runtime.
    Async,
    /// A thread of the thread pool.
    Thread,
    /// A child process of the process pool.
    Process,
}

impl std::fmt::Display for ExecutorKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Async => "async",
            Self::Thread => "thread",
            Self::Process => "process",
        })
    }
}

pub(crate) type AsyncResult = Pin<Box<dyn Future<Output = Result<Payload, ActivityError>> + Send>>;
pub(crate) type AsyncFunction = Arc<dyn Fn(ActivityContext, Vec<Payload>) -> AsyncResult + Send + Sync>;
pub(crate) type BlockingFunction =
    Arc<dyn Fn(ActivityContext, Vec<Payload>) -> Result<Payload, ActivityError> + Send + Sync>;

#[derive(Clone)]
pub(crate) enum Function {
    Async(AsyncFunction),
    Thread(BlockingFunction),
    Process(BlockingFunction),
}

impl Function {
    pub(crate) fn kind(&self) -> ExecutorKind {
        match self {
            Self::Async(_) => ExecutorKind::Async,
            Self::Thread(_) => ExecutorKind::Thread,
            Self::Process(_) => ExecutorKind::Process,
        }
    }
}

/// An activity: its name, its executor and its function.
///
/// The function takes the context and a tuple of the arguments: `(a,)` for one, `()` for none, or
/// [`guest_sdk_types::RawValue`] to get them undecoded.
#[derive(Clone)]
pub struct Definition {
    name: String,
    pub(crate) function: Function,
}

impl Definition {
    /// An activity that runs as an async task, and must not block.
    pub fn asynchronous<F, R, In, Out, E>(name: impl Into<String>, function: F) -> Self
    where
        F: Fn(ActivityContext, In) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Out, E>> + Send + 'static,
        In: FromPayloads,
        Out: Serialize,
        E: Into<ActivityError>,
    {
        let run = move |context: ActivityContext, arguments: Vec<Payload>| -> AsyncResult {
            let activity = context.info().activity_type.clone();
            match decode(&activity, &arguments) {
                Ok(input) => {
                    let running = function(context, input);
                    Box::pin(async move { encode(&activity, running.await) })
                }
                Err(error) => Box::pin(std::future::ready(Err(error))),
            }
        };
        Self { name: name.into(), function: Function::Async(Arc::new(run)) }
    }

    /// An activity that may block: it runs on a thread of the thread pool.
    pub fn thread<F, In, Out, E>(name: impl Into<String>, function: F) -> Self
    where
        F: Fn(ActivityContext, In) -> Result<Out, E> + Send + Sync + 'static,
        In: FromPayloads,
        Out: Serialize,
        E: Into<ActivityError>,
    {
        Self { name: name.into(), function: Function::Thread(blocking(function)) }
    }

    /// An activity that may crash or hang: it runs in a child process, one at a time.
    ///
    /// The `main` of the program must call [`crate::process::child_main`] first.
    pub fn process<F, In, Out, E>(name: impl Into<String>, function: F) -> Self
    where
        F: Fn(ActivityContext, In) -> Result<Out, E> + Send + Sync + 'static,
        In: FromPayloads,
        Out: Serialize,
        E: Into<ActivityError>,
    {
        Self { name: name.into(), function: Function::Process(blocking(function)) }
    }

    /// The activity type.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The executor that runs it.
    pub fn kind(&self) -> ExecutorKind {
        self.function.kind()
    }

    /// Calls its function without an executor, for tests: an async one in this task, another one on a thread of tokio.
    ///
    /// # Errors
    /// That of the function, or the arguments or the result could not be decoded or encoded.
    ///
    /// # Panics
    /// The function panics.
    pub async fn call(
        &self,
        context: ActivityContext,
        arguments: Vec<Payload>,
    ) -> Result<Payload, ActivityError> {
        let function = match &self.function {
            Function::Async(function) => return function(context, arguments).await,
            Function::Thread(function) | Function::Process(function) => Arc::clone(function),
        };
        match tokio::task::spawn_blocking(move || function(context, arguments)).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and with it what waits here.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

impl std::fmt::Debug for Definition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({})", self.name, self.kind())
    }
}

fn blocking<F, In, Out, E>(function: F) -> BlockingFunction
where
    F: Fn(ActivityContext, In) -> Result<Out, E> + Send + Sync + 'static,
    In: FromPayloads,
    Out: Serialize,
    E: Into<ActivityError>,
{
    Arc::new(move |context, arguments| {
        let activity = context.info().activity_type.clone();
        let input = decode(&activity, &arguments)?;
        encode(&activity, function(context, input))
    })
}

fn decode<In: FromPayloads>(activity: &str, arguments: &[Payload]) -> Result<In, ActivityError> {
    In::from_payloads(arguments).map_err(|error| {
        let expected = std::any::type_name::<In>();
        let message = format!(
            "failed to decode the {} arguments of activity `{activity}` as {expected}: {error}",
            arguments.len()
        );
        ActivityError::of_type(failure_type::INVALID_ARGUMENTS, message)
    })
}

fn encode<Out: Serialize, E: Into<ActivityError>>(
    activity: &str,
    result: Result<Out, E>,
) -> Result<Payload, ActivityError> {
    let output = result.map_err(Into::into)?;
    Payload::from_value(&output).map_err(|error| {
        let message = format!("failed to encode the result of activity `{activity}`: {error}");
        ActivityError::of_type(failure_type::INVALID_RESULT, message)
    })
}

/// The activities of a host.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    by_name: BTreeMap<String, Definition>,
    dynamic: Option<Definition>,
    pub(crate) interceptors: Interceptors,
}

impl Registry {
    /// A registry without activities.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers the activities of an instance, which all invocations share.
    ///
    /// # Errors
    /// An activity with one of the names is registered already.
    pub fn register_activities<A: Activities>(
        &mut self,
        activities: A,
    ) -> Result<&mut Self, DuplicateActivity> {
        Arc::new(activities).register(self)?;
        Ok(self)
    }

    /// Registers one activity.
    ///
    /// # Errors
    /// An activity with its name is registered already.
    pub fn register(&mut self, definition: Definition) -> Result<&mut Self, DuplicateActivity> {
        if let Some(present) = self.by_name.get(&definition.name) {
            return Err(DuplicateActivity { name: present.name.clone() });
        }
        self.by_name.insert(definition.name.clone(), definition);
        Ok(self)
    }

    /// Registers the dynamic activity, which runs for every activity type that is not registered. It finds
    /// the type in [`crate::ActivityInfo::activity_type`].
    ///
    /// # Errors
    /// A dynamic activity is registered already.
    pub fn register_dynamic(&mut self, definition: Definition) -> Result<&mut Self, DuplicateActivity> {
        if let Some(present) = &self.dynamic {
            return Err(DuplicateActivity { name: format!("{} (dynamic)", present.name) });
        }
        self.dynamic = Some(definition);
        Ok(self)
    }

    /// Registers code around every attempt of an activity. The first one registered is the outermost.
    pub fn activity_inbound_interceptor<I: ActivityInboundInterceptor>(
        &mut self,
        interceptor: I,
    ) -> &mut Self {
        self.interceptors.inbound.push(Arc::new(interceptor));
        self
    }

    /// Registers code around every call of an activity to its host. The last one registered is the outermost.
    pub fn activity_outbound_interceptor<I: ActivityOutboundInterceptor>(
        &mut self,
        interceptor: I,
    ) -> &mut Self {
        self.interceptors.outbound.push(Arc::new(interceptor));
        self
    }

    /// The activity of this type, or else the dynamic activity.
    ///
    /// # Errors
    /// There is neither. The error lists the registered names.
    pub fn find(&self, activity_type: &str) -> Result<&Definition, UnknownActivity> {
        self.by_name.get(activity_type).or(self.dynamic.as_ref()).ok_or_else(|| UnknownActivity {
            name: activity_type.to_owned(),
            known: self.by_name.keys().cloned().collect(),
        })
    }

    /// The registered names, sorted; without the dynamic activity.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The executors that the registered activities need, the dynamic one included.
    pub fn kinds(&self) -> BTreeSet<ExecutorKind> {
        self.by_name.values().chain(&self.dynamic).map(Definition::kind).collect()
    }

    /// Whether no activity is registered, so that a worker need not poll for activities.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty() && self.dynamic.is_none()
    }
}

/// Two activities have the same name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("activity `{name}` is registered already; give one of the two another name: #[activity(name = …)]")]
pub struct DuplicateActivity {
    /// The name.
    pub name: String,
}

/// No activity of this type is registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("activity `{name}` is not registered; known activities: {}", list(known))]
pub struct UnknownActivity {
    /// The activity type.
    pub name: String,
    /// The names that are registered, sorted.
    pub known: Vec<String>,
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use guest_sdk_types::RawValue;

    use super::*;
    use crate::{ActivityInfo, ActivityTask, Cancellation};

    fn sum(_: ActivityContext, (a, b): (u32, u32)) -> Result<u32, ActivityError> {
        Ok(a + b)
    }

    fn count(context: ActivityContext, RawValue(payloads): RawValue) -> Result<String, ActivityError> {
        Ok(format!("{} got {}", context.info().activity_type, payloads.len()))
    }

    fn registry() -> Registry {
        let mut registry = Registry::new();
        registry
            .register(Definition::thread("sum", sum))
            .and_then(|registry| registry.register(Definition::process("sum-apart", sum)))
            .unwrap();
        registry
    }

    /// Calls a blocking activity with JSON arguments; gives its JSON result or its error.
    fn call(registry: &Registry, activity: &str, arguments: &[&str]) -> Result<String, String> {
        let definition = registry.find(activity).map_err(|error| error.to_string())?;
        let (Function::Thread(function) | Function::Process(function)) = &definition.function else {
            panic!("`{activity}` does not block");
        };
        let task = ActivityTask {
            info: ActivityInfo { activity_type: activity.to_owned(), ..ActivityInfo::default() },
            arguments: arguments.iter().copied().map(Payload::from_json).collect(),
            ..ActivityTask::default()
        };
        let (context, arguments) = ActivityContext::new(task, Cancellation::new(), |_| {});
        match function(context, arguments) {
            Ok(payload) => Ok(String::from_utf8(payload.data).unwrap()),
            Err(ActivityError::Application(failure)) => Err(failure.to_string()),
            Err(other) => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn activities_are_found_by_name() {
        let registry = registry();
        assert_eq!(registry.names().collect::<Vec<_>>(), ["sum", "sum-apart"]);
        assert_eq!(registry.find("sum-apart").unwrap().kind(), ExecutorKind::Process);
        assert_eq!(call(&registry, "sum", &["1", "2"]).unwrap(), "3");
        assert_eq!(
            call(&registry, "product", &[]).unwrap_err(),
            "activity `product` is not registered; known activities: sum, sum-apart"
        );
        assert_eq!(
            Registry::new().find("sum").unwrap_err().to_string(),
            "activity `sum` is not registered; known activities: none"
        );
    }

    #[test]
    fn a_dynamic_activity_takes_the_rest() {
        let mut registry = registry();
        registry.register_dynamic(Definition::thread("any", count)).unwrap();
        assert_eq!(call(&registry, "sum", &["1", "2"]).unwrap(), "3");
        assert_eq!(call(&registry, "product", &["1"]).unwrap(), "\"product got 1\"");
        let error = registry.register_dynamic(Definition::thread("other", count)).unwrap_err();
        assert!(error.to_string().starts_with("activity `any (dynamic)` is registered already"));
    }

    #[test]
    fn names_are_unique() {
        let error = registry().register(Definition::thread("sum", sum)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "activity `sum` is registered already; give one of the two another name: #[activity(name = …)]"
        );
    }

    #[test]
    fn wrong_arguments_name_the_activity_and_the_types() {
        let error = call(&registry(), "sum", &["1", "\"two\""]).unwrap_err();
        assert_eq!(
            error,
            "failed to decode the 2 arguments of activity `sum` as (u32, u32): invalid type: string \
             \"two\", expected u32 at line 1 column 5 (InvalidArguments)"
        );
        let error = call(&registry(), "sum", &["1"]).unwrap_err();
        assert!(error.contains("no payload at position 1"), "{error}");
    }
}
