//! Activities alone, with a context whose contents the test decides.

#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

use std::{sync::Arc, time::Duration};

use guest_sdk::{
    Payload, activities,
    activities::{ActivityContext, ActivityError},
};
use workflow_test::{ActivityEnvironment, CancelReason};

struct Greeter {
    greeting: String,
}

#[activities]
impl Greeter {
    #[activity]
    async fn greet(self: Arc<Self>, ctx: ActivityContext, name: String) -> Result<String, ActivityError> {
        let tenant = ctx.headers().get("tenant").map(Payload::to_value::<String>).transpose()?;
        let attempt = ctx.info().attempt;
        Ok(format!("{}, {name} of {}! ({attempt})", self.greeting, tenant.unwrap_or_default()))
    }

    /// Waits for its cancellation.
    #[activity]
    async fn wait(ctx: ActivityContext) -> Result<(), ActivityError> {
        ctx.record_heartbeat("waits")?;
        ctx.cancelled().await;
        Err(ActivityError::cancelled_with_details(&format!("{:?}", ctx.cancel_reason()))?)
    }

    #[activity(process)]
    fn apart(ctx: ActivityContext, a: u32, b: u32) -> Result<u32, ActivityError> {
        assert_eq!(ctx.info().activity_type, "apart");
        match a.checked_sub(b) {
            Some(difference) => Ok(difference),
            None => Err(ActivityError::non_retryable(std::io::Error::other("below zero"))),
        }
    }
}

fn environment() -> ActivityEnvironment {
    ActivityEnvironment::new(Greeter { greeting: "Hello".to_owned() })
}

#[tokio::test]
async fn an_activity_finds_what_the_test_decides() {
    let mut environment = environment();
    environment.info.attempt = 3;
    environment.headers.insert("tenant".to_owned(), Payload::from_value("acme").unwrap());
    let greeting = environment.run(Greeter::greet, "Ada".to_owned()).await.unwrap();
    assert_eq!(greeting, "Hello, Ada of acme! (3)");
    assert!(environment.heartbeats::<String>().is_empty());
}

#[tokio::test]
async fn an_activity_is_cancelled_while_it_runs() {
    let environment = environment();
    let running = environment.clone();
    let running = tokio::spawn(async move { running.run(Greeter::wait, ()).await });
    while environment.heartbeats::<String>().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    environment.cancel(CancelReason::WorkerShutdown);
    environment.cancel(CancelReason::Requested);
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error, ActivityError::cancelled_with_details("Some(WorkerShutdown)").unwrap());
}

#[tokio::test]
async fn activities_of_the_process_pool_run_on_a_thread() {
    assert_eq!(environment().run(Greeter::apart, (7, 5)).await.unwrap(), 2);
    let error = environment().run(Greeter::apart, (5, 7)).await.unwrap_err();
    let ActivityError::Application(failure) = error else { panic!("{error:?}") };
    assert!(failure.application_failure().is_some_and(|it| it.non_retryable), "{failure:?}");
    assert_eq!(failure.message, "below zero");
}

struct Other;

#[activities]
impl Other {
    #[activity]
    fn other() -> Result<(), ActivityError> {
        panic!("on purpose")
    }
}

#[tokio::test]
#[should_panic(expected = "activity `other` is not registered; known activities: apart, greet, wait")]
async fn an_activity_of_another_instance_is_told() {
    let _ = environment().run(Other::other, ()).await;
}

#[tokio::test]
#[should_panic(expected = "on purpose")]
async fn a_panic_is_one_of_the_test() {
    let _ = ActivityEnvironment::new(Other).run(Other::other, ()).await;
}
