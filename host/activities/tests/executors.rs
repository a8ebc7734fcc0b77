//! Activities in tasks and in threads: limits, heartbeats, timeouts, cancellation and shutdown.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use host_activities::types::{Payload, RawValue};
use host_activities::{
    Activities, ActivityContext, ActivityError, ActivityInfo, ActivityTask, CancelReason, Definition,
    DuplicateActivity, ExecutorKind, Executors, Grace, HeartbeatAnswer, Options, Outcome, Registry,
};
use tokio::time::{Instant, sleep};

type Result<T> = std::result::Result<T, ActivityError>;

/// Activities that share one instance.
#[derive(Default)]
struct Counter {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Counter {
    fn enter(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    async fn task(self: Arc<Self>) -> Result<usize> {
        self.enter();
        sleep(Duration::from_millis(10)).await;
        self.leave();
        Ok(self.most.load(Ordering::SeqCst))
    }

    fn thread(&self) -> Result<usize> {
        self.enter();
        std::thread::sleep(Duration::from_millis(10));
        self.leave();
        Ok(self.most.load(Ordering::SeqCst))
    }
}

impl Activities for Counter {
    fn register(self: Arc<Self>, registry: &mut Registry) -> std::result::Result<(), DuplicateActivity> {
        let counter = Arc::clone(&self);
        registry.register(Definition::asynchronous("task", move |_, ()| Arc::clone(&counter).task()))?;
        registry.register(Definition::thread("thread", move |_, ()| self.thread()))?;
        Ok(())
    }
}

async fn until_told(context: ActivityContext, (): ()) -> Result<()> {
    context.record_heartbeat("waiting")?;
    context.cancelled().await;
    context.record_heartbeat("told")?;
    Err(ActivityError::cancelled())
}

/// Records a heartbeat every 100 ms, ten times, and ignores cancellation.
async fn steps(context: ActivityContext, (): ()) -> Result<u32> {
    let mut step = context.heartbeat_details::<u32>()?.unwrap_or(0);
    while step < 10 {
        context.record_heartbeat(step)?;
        sleep(Duration::from_millis(100)).await;
        step += 1;
    }
    Ok(step)
}

async fn forever(_: ActivityContext, (): ()) -> Result<()> {
    std::future::pending().await
}

fn panic_with(_: ActivityContext, (message,): (String,)) -> Result<()> {
    panic!("{message}")
}

async fn echo(context: ActivityContext, RawValue(arguments): RawValue) -> Result<String> {
    Ok(format!("{}/{}", context.info().activity_type, arguments.len()))
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register_activities(Counter::default()).unwrap();
    let definitions = [
        Definition::asynchronous("until-told", until_told),
        Definition::asynchronous("steps", steps),
        Definition::asynchronous("forever", forever),
        Definition::asynchronous("panic", |context, (message,): (String,)| async move {
            panic_with(context, (message,))
        }),
        Definition::thread("panic-in-thread", panic_with),
        Definition::thread("sleep", |_, (ms,): (u64,)| -> Result<()> {
            std::thread::sleep(Duration::from_millis(ms));
            Ok(())
        }),
        Definition::asynchronous("block", |_, (ms,): (u64,)| async move {
            std::thread::sleep(Duration::from_millis(ms));
            Ok::<_, ActivityError>(())
        }),
        Definition::asynchronous("cancelled", |_, ()| async { Err::<(), _>(ActivityError::cancelled()) }),
        Definition::asynchronous("large", |context: ActivityContext, ()| async move {
            context.record_heartbeat("x".repeat(3_000_000))?;
            Ok::<_, ActivityError>(())
        }),
    ];
    for definition in definitions {
        registry.register(definition).unwrap();
    }
    registry.register_dynamic(Definition::asynchronous("dynamic", echo)).unwrap();
    registry
}

/// Executors whose async activities run on the runtime of the test, with its clock.
fn executors(options: Options) -> Executors {
    let runtime = Some(tokio::runtime::Handle::current());
    Executors::new(Arc::new(registry()), Options { runtime, ..options })
}

fn task(activity: &str) -> ActivityTask {
    ActivityTask {
        info: ActivityInfo {
            activity_type: activity.to_owned(),
            activity_id: "7".to_owned(),
            workflow_id: Some("w".to_owned()),
            attempt: 2,
            ..ActivityInfo::default()
        },
        arguments: vec![Payload::from_json(r#""boo""#)],
        ..ActivityTask::default()
    }
}

/// Runs a task. Returns the outcome as text, and the heartbeats as `ms:details`.
async fn run(
    executors: &Executors,
    task: ActivityTask,
    answers: impl Fn(usize) -> HeartbeatAnswer + Send + Sync + 'static,
) -> (String, String) {
    let mut slot = executors.reserve().await.unwrap();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let (start, log) = (Instant::now(), Arc::clone(&sent));
    let send = move |details: Vec<Payload>| {
        let mut log = log.lock().unwrap();
        log.push(format!("{}:{}", start.elapsed().as_millis(), text(&details)));
        std::future::ready(answers(log.len()))
    };
    let outcome = executors.run(&mut slot, task, Instant::now(), send).await;
    let sent = sent.lock().unwrap().join(" ");
    (show(&outcome), sent)
}

fn show(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Completed(result) => format!("completed {}", text(std::slice::from_ref(result))),
        Outcome::Failed { failure, last_heartbeat_details } => {
            format!("failed {failure} [{}]", text(last_heartbeat_details))
        }
        Outcome::Cancelled { details } => format!("cancelled [{}]", text(details)),
        Outcome::WillCompleteAsync => "later".to_owned(),
        Outcome::Lost(reason) => format!("lost {reason:?}"),
    }
}

fn text(payloads: &[Payload]) -> String {
    payloads.iter().map(|payload| String::from_utf8_lossy(&payload.data)).collect::<Vec<_>>().join(",")
}

fn recorded(_: usize) -> HeartbeatAnswer {
    HeartbeatAnswer::Recorded
}

#[tokio::test(start_paused = true)]
async fn outcomes() {
    let executors = executors(Options::default());
    for (activity, expected) in [
        ("anything", r#"completed "anything/1""#),
        ("panic", "failed activity `panic` panicked: boo (Panic) []"),
        ("panic-in-thread", "failed activity `panic-in-thread` panicked: boo (Panic) []"),
        (
            "cancelled",
            "failed activity `cancelled` returned that it was cancelled, without a request to cancel it (NotCancelled) []",
        ),
        (
            "large",
            "failed heartbeat details of activity `large` have 3000052 bytes, more than the 2097152 that \
             history takes; store the data elsewhere and pass a path or key []",
        ),
    ] {
        assert_eq!(run(&executors, task(activity), recorded).await.0, expected);
    }
    let none = Executors::new(Arc::default(), Options::default());
    assert_eq!(
        run(&none, task("sum"), recorded).await.0,
        "failed activity `sum` is not registered; known activities: none (NotFoundError) []"
    );
}

async fn check_limit(options: Options, activity: &str, expected: usize) {
    let executors = executors(options);
    let all = (0..20).map(|_| {
        let (executors, task) = (executors.clone(), task(activity));
        tokio::spawn(async move { run(&executors, task, recorded).await.0 })
    });
    let mut last = String::new();
    for one in all.collect::<Vec<_>>() {
        last = one.await.unwrap();
    }
    assert_eq!(last, format!("completed {expected}"), "{activity}");
    assert_eq!(executors.running(), []);
}

#[tokio::test]
async fn limits_hold_per_kind_and_in_total() {
    check_limit(Options { asynchronous: 3, ..Options::default() }, "task", 3).await;
    check_limit(Options { threads: 3, ..Options::default() }, "thread", 3).await;
    check_limit(Options { total: 2, ..Options::default() }, "task", 2).await;
    check_limit(Options { total: 2, ..Options::default() }, "thread", 2).await;
}

#[tokio::test]
async fn slots_are_free_again_after_the_report() {
    let executors = executors(Options { total: 2, ..Options::default() });
    let first = executors.try_reserve("task").unwrap();
    let _second = executors.reserve().await.unwrap();
    assert!(executors.try_reserve("task").is_none());
    drop(first);
    assert!(executors.try_reserve("task").is_some());
}

/// A poll needs a place on each executor, as its task may be for any of them.
#[tokio::test]
async fn a_full_executor_stops_polls_but_not_eager_activities_of_others() {
    let executors = executors(Options { threads: 2, ..Options::default() });
    assert_eq!(executors.polls_at_once(), 2);
    let mut slot = executors.reserve().await.unwrap();
    let _other = executors.reserve().await.unwrap();
    tokio::select! {
        biased;
        _ = executors.reserve() => panic!("both threads may be needed"),
        () = std::future::ready(()) => {}
    }
    assert!(!executors.try_reserve("task").unwrap().fits(ExecutorKind::Thread));
    assert!(executors.try_reserve("thread").is_none());

    // Once the task is known, the place that it does not need is free again.
    let mut until_told = task("until-told");
    until_told.arguments.clear();
    let running = tokio::spawn({
        let executors = executors.clone();
        async move {
            let stop = |_| std::future::ready(HeartbeatAnswer::Recorded);
            executors.run(&mut slot, until_told, Instant::now(), stop).await
        }
    });
    let third = executors.reserve().await.unwrap();
    assert!(third.fits(ExecutorKind::Thread) && third.fits(ExecutorKind::Async));
    running.abort();
}

/// A thread that is left behind keeps its place: another attempt would wait for it.
#[tokio::test]
async fn a_thread_that_does_not_return_keeps_its_place() {
    let options = Options {
        threads: 1,
        cancel_grace: Duration::ZERO,
        timeout_margin: Duration::ZERO,
        ..Options::default()
    };
    let executors = executors(options);
    let mut late = with_timeouts("sleep", 20, 0);
    late.arguments = vec![Payload::from_json("2000")];
    let start = Instant::now();
    assert_eq!(run(&executors, late, recorded).await.0, "lost TimedOut");
    assert!(start.elapsed() < Duration::from_millis(2_000));
    let _slot = executors.reserve().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(2_000));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_whose_timeout_has_ended_does_not_begin() {
    let executors = executors(Options::default());
    for (scheduled, start_to_close_ms, expected) in [
        (0, 0, "completed 10"),
        (0, 1_999, "lost TimedOut"),
        (0, 2_001, "completed 10"),
        // Of schedule-to-close, 10 s, earlier attempts took 9 s.
        (9, 60_000, "lost TimedOut"),
    ] {
        let mut late = with_timeouts("steps", start_to_close_ms, 0);
        let at = |seconds| Some(std::time::UNIX_EPOCH + Duration::from_secs(seconds));
        (late.info.scheduled_time, late.info.started_time) = (at(0), at(scheduled));
        late.info.schedule_to_close_timeout = (scheduled > 0).then_some(Duration::from_secs(10));
        late.arguments.clear();
        let mut slot = executors.reserve().await.unwrap();
        let received = Instant::now() - Duration::from_secs(2);
        let outcome = executors.run(&mut slot, late, received, |_| async { recorded(0) }).await;
        assert_eq!(show(&outcome), expected, "{scheduled} {start_to_close_ms}");
    }
}

/// Async activities have a runtime of their own.
#[tokio::test]
async fn a_blocked_thread_holds_up_neither_the_host_nor_its_own_report() {
    let executors = Executors::new(Arc::new(registry()), Options::default());
    let blocked = tokio::spawn({
        let executors = executors.clone();
        async move {
            let mut task = task("block");
            task.arguments = vec![Payload::from_json("5000")];
            run(&executors, task, recorded).await.0
        }
    });
    while executors.running().is_empty() {
        tokio::task::yield_now().await;
    }
    let start = Instant::now();
    let left = executors.shutdown(Grace { finish: Duration::ZERO, stop: Duration::ZERO }).await;
    assert_eq!(left.len(), 1);
    assert!(start.elapsed() < Duration::from_millis(4_500));
    assert!(blocked.await.unwrap().contains("the host stopped before activity `block` was done"));
}

fn with_timeouts(activity: &str, start_to_close_ms: u64, heartbeat_ms: u64) -> ActivityTask {
    let mut task = task(activity);
    let timeout = |ms| Some(Duration::from_millis(ms)).filter(|timeout| !timeout.is_zero());
    task.info.start_to_close_timeout = timeout(start_to_close_ms);
    task.info.heartbeat_timeout = timeout(heartbeat_ms);
    task
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_throttled() {
    let executors = executors(Options::default());
    let (outcome, sent) = run(&executors, with_timeouts("steps", 0, 300), recorded).await;
    assert_eq!((outcome.as_str(), sent.as_str()), ("completed 10", "0:0 240:2 480:4 720:7 960:9"));
    let mut retried = with_timeouts("steps", 0, 300);
    retried.heartbeat_details = vec![Payload::from_json("8")];
    let (outcome, sent) = run(&executors, retried, recorded).await;
    assert_eq!((outcome.as_str(), sent.as_str()), ("completed 10", "0:8"));
}

#[tokio::test(start_paused = true)]
async fn requests_to_stop_come_with_heartbeats() {
    let executors = executors(Options::default());
    for (reason, expected, expected_sent) in [
        // The report of a cancellation has no heartbeat details, so the last heartbeat is sent before it.
        (CancelReason::Requested, "cancelled []", r#"0:"waiting" 0:"told""#),
        (CancelReason::NotFound, "lost NotFound", r#"0:"waiting""#),
        (
            CancelReason::Paused,
            r#"failed activity `until-told` was paused (ActivityPause) ["told"]"#,
            r#"0:"waiting""#,
        ),
        (
            CancelReason::Reset,
            r#"failed activity `until-told` was reset (ActivityReset) ["told"]"#,
            r#"0:"waiting""#,
        ),
    ] {
        let stop = move |_| HeartbeatAnswer::Stop(reason);
        let (outcome, sent) = run(&executors, task("until-told"), stop).await;
        assert_eq!((outcome.as_str(), sent.as_str()), (expected, expected_sent));
    }
    // A cancelled activity may complete.
    let stop = |_| HeartbeatAnswer::Stop(CancelReason::Requested);
    assert_eq!(run(&executors, task("steps"), stop).await.0, "completed 10");
}

#[tokio::test(start_paused = true)]
async fn timeouts_are_watched_here_too() {
    let grace = Duration::from_secs(2);
    let options =
        Options { cancel_grace: grace, timeout_margin: Duration::from_secs(1), ..Options::default() };
    let executors = executors(options);
    let failing = |_| HeartbeatAnswer::Failed("connection refused".to_owned());
    for (task, answers, expected, expected_ms) in [
        // An activity that waits for cancellation ends at once, another one after the grace period.
        (with_timeouts("until-told", 4_000, 0), recorded as fn(usize) -> _, "lost TimedOut", 5_000),
        (with_timeouts("forever", 4_000, 0), recorded, "lost TimedOut", 7_000),
        (with_timeouts("forever", 0, 3_000), recorded, "lost TimedOut", 6_000),
        (with_timeouts("steps", 0, 200), recorded, "completed 10", 1_000),
        // Heartbeats that fail do not extend the timeout of 200 ms and its margin. The activity completes
        // nevertheless.
        (with_timeouts("until-told", 0, 200), failing, "lost TimedOut", 1_200),
    ] {
        let start = Instant::now();
        assert_eq!(run(&executors, task, answers).await.0, expected);
        assert_eq!(start.elapsed().as_millis(), expected_ms);
    }
}

/// Starts an activity and shuts down. Returns the outcome, the dropped activities and the elapsed time.
async fn stopped(activity: &str, argument: &str, grace_ms: (u64, u64)) -> (String, Vec<String>, u128) {
    let executors = executors(Options::default());
    let mut task = task(activity);
    task.arguments = vec![Payload::from_json(argument)];
    let running = tokio::spawn({
        let executors = executors.clone();
        async move { run(&executors, task, recorded).await.0 }
    });
    while executors.running().is_empty() {
        tokio::task::yield_now().await;
    }
    let start = Instant::now();
    let (finish, stop) = (Duration::from_millis(grace_ms.0), Duration::from_millis(grace_ms.1));
    let left = executors.shutdown(Grace { finish, stop }).await;
    let elapsed_ms = start.elapsed().as_millis();
    assert!(executors.reserve().await.is_none() && executors.try_reserve("steps").is_none());
    (running.await.unwrap(), left.iter().map(ToString::to_string).collect(), elapsed_ms)
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_then_asks_then_leaves() {
    let (outcome, left, ms) = stopped("steps", "null", (5_000, 1_000)).await;
    assert_eq!((outcome.as_str(), left.len(), ms), ("completed 10", 0, 1_000));
    let (outcome, left, ms) = stopped("until-told", "null", (5_000, 1_000)).await;
    let expected =
        "failed the host stopped before activity `until-told` was done (WorkerShutdown) [\"told\"]";
    assert_eq!((outcome.as_str(), left.len(), ms), (expected, 0, 5_000));
    let (outcome, left, ms) = stopped("forever", "null", (5_000, 1_000)).await;
    let expected = "failed the host stopped before activity `forever` was done (WorkerShutdown) []";
    assert_eq!((outcome.as_str(), ms), (expected, 6_000));
    assert_eq!(left, ["async activity `forever` (7, attempt 2) of workflow w"]);
}

#[tokio::test]
async fn a_shutdown_leaves_threads_behind() {
    let (outcome, left, ms) = stopped("sleep", "10000", (10, 10)).await;
    assert_eq!(outcome, "failed the host stopped before activity `sleep` was done (WorkerShutdown) []");
    assert_eq!(left, ["thread activity `sleep` (7, attempt 2) of workflow w"]);
    assert!(ms < 9_000, "{ms}");
}

/// A poll holds a slot. A task that it returns after the shutdown began runs like any other.
#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_slots() {
    let executors = executors(Options::default());
    let mut slot = executors.reserve().await.unwrap();
    let start = Instant::now();
    let stopping = tokio::spawn({
        let executors = executors.clone();
        let grace = Grace { finish: Duration::from_secs(5), stop: Duration::from_secs(1) };
        async move { executors.shutdown(grace).await }
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    let without_arguments = |activity| ActivityTask { arguments: Vec::new(), ..task(activity) };
    let outcome =
        executors.run(&mut slot, without_arguments("steps"), Instant::now(), |_| async { recorded(0) }).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    drop(slot);
    assert!(stopping.await.unwrap().is_empty());
    assert_eq!(start.elapsed().as_secs(), 3);

    // A task that arrives after the grace periods fails because of the shutdown.
    let executors = self::executors(Options::default());
    let mut slot = executors.reserve().await.unwrap();
    executors.shutdown(Grace { finish: Duration::ZERO, stop: Duration::ZERO }).await;
    let outcome = executors
        .run(&mut slot, without_arguments("forever"), Instant::now(), |_| async { recorded(0) })
        .await;
    let Outcome::Failed { failure, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.application_failure().unwrap().error_type, "WorkerShutdown");
}
