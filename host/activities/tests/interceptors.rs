//! Interceptors of activities: their order, what they change, and what becomes of those that fail.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::sync::Arc;

use host_activities::interceptors::{
    ActivityInboundInterceptor, ActivityOutboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput,
    HeartbeatInput, Next,
};
use host_activities::types::{Failure, Payload};
use host_activities::{
    ActivityContext, ActivityError, ActivityInfo, ActivityTask, Definition, Executors, HeartbeatAnswer,
    Options, Outcome, Registry,
};
use tokio::time::Instant;

/// Adds its name to the header, to the argument, to the result and to heartbeats.
struct Adds(&'static str);

fn text(payload: &Payload) -> String {
    payload.to_value().unwrap()
}

fn payload(text: &str) -> Payload {
    Payload::from_value(text).unwrap()
}

impl ActivityInboundInterceptor for Adds {
    fn execute_activity<'a>(
        &'a self,
        mut input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        assert_eq!(input.activity_info().attempt, 2);
        let path = input.headers().get("path").map(text).unwrap_or_default() + self.0;
        input.headers_mut().insert("path".to_owned(), payload(&path));
        let (told,) = input.to_arguments::<(String,)>().unwrap();
        input.arguments_mut()[0] = payload(&(told + self.0));
        Box::pin(async move {
            tokio::task::yield_now().await;
            let result = next.run(input).await?;
            Ok(payload(&(text(&result) + self.0)))
        })
    }
}

impl ActivityOutboundInterceptor for Adds {
    fn heartbeat(&self, mut input: HeartbeatInput, next: Next<'_, HeartbeatInput, ()>) {
        assert_eq!(input.activity_info().activity_id, "7");
        let details = text(&input.details()[0]) + self.0;
        input.details_mut()[0] = payload(&details);
        next.run(input);
    }
}

/// Answers activities itself, as their first argument says.
struct Answers;

impl ActivityInboundInterceptor for Answers {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        match text(&input.arguments()[0]).as_str() {
            "panic" => panic!("boo"),
            "fail" => Box::pin(async { Err(Failure::application("Refused", "no").build().into()) }),
            "cancel" => Box::pin(async { Err(ActivityError::cancelled()) }),
            _ => next.run(input),
        }
    }
}

/// The last heartbeat of an attempt that fails is part of its outcome.
fn seen(context: &ActivityContext, told: &str) -> Result<String, ActivityError> {
    context.record_heartbeat("beat ")?;
    if told.starts_with("fail") {
        return Err(anyhow::anyhow!("told to").into());
    }
    Ok(format!("{} {told} ", context.headers().get("path").map(text).unwrap_or_default()))
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    let task = |context: ActivityContext, (told,): (String,)| async move { seen(&context, &told) };
    registry.register(Definition::asynchronous("task", task)).unwrap();
    let thread = |context: ActivityContext, (told,): (String,)| seen(&context, &told);
    registry.register(Definition::thread("thread", thread)).unwrap();
    registry
}

/// Runs an activity. Returns its outcome as text.
async fn run(registry: Registry, activity: &str, argument: &str) -> String {
    let info = ActivityInfo {
        activity_type: activity.to_owned(),
        activity_id: "7".to_owned(),
        attempt: 2,
        heartbeat_timeout: Some(std::time::Duration::from_secs(10)),
        ..ActivityInfo::default()
    };
    let task = ActivityTask { info, arguments: vec![payload(argument)], ..ActivityTask::default() };
    let executors = Executors::new(Arc::new(registry), Options::default());
    let mut slot = executors.reserve().await.unwrap();
    let send = |_| std::future::ready(HeartbeatAnswer::Recorded);
    match executors.run(&mut slot, task, Instant::now(), send).await {
        Outcome::Completed(result) => text(&result),
        Outcome::Failed { failure, last_heartbeat_details } => match last_heartbeat_details.first() {
            Some(details) => format!("failed after {}: {failure}", text(details)),
            None => format!("failed: {failure}"),
        },
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn inbound_calls_meet_the_first_interceptor_first_and_outbound_calls_the_last() {
    for activity in ["task", "thread"] {
        assert_eq!(run(registry(), activity, "told ").await, " told  ");
        let mut registry = registry();
        registry.activity_inbound_interceptor(Adds("a")).activity_inbound_interceptor(Adds("b"));
        registry.activity_outbound_interceptor(Adds("a")).activity_outbound_interceptor(Adds("b"));
        assert_eq!(run(registry.clone(), activity, "told ").await, "ab told ab ba");
        assert_eq!(run(registry, activity, "fail ").await, "failed after beat ba: told to");
    }
}

#[tokio::test]
async fn an_interceptor_may_answer_itself() {
    for activity in ["task", "thread"] {
        let refusing = || {
            let mut registry = registry();
            registry.activity_inbound_interceptor(Answers);
            registry
        };
        assert_eq!(run(refusing(), activity, "fail").await, "failed: no (Refused)");
        // An activity that returns this fares the same.
        let cancelled = run(refusing(), activity, "cancel").await;
        assert!(cancelled.ends_with("without a request to cancel it (NotCancelled)"), "{cancelled}");
        let panicked = run(refusing(), activity, "panic").await;
        assert_eq!(panicked, format!("failed: activity `{activity}` panicked: boo (Panic)"));
        assert_eq!(run(refusing(), activity, "told").await, " told ");
    }
}
