//! Local activities to their end, on a clock that goes on by itself.

use guest_sdk_types::RawValue;
use host_activities::{ActivityContext, ActivityError, Definition, Options, Registry};
use host_wire::{duration_to_proto, temporal::api::common::v1::Payload};

use super::*;

/// `FAILS,MILLISECONDS`: fails that often, and each attempt takes that long. Ends early if it is cancelled.
async fn work(context: ActivityContext, RawValue(arguments): RawValue) -> Result<u32, ActivityError> {
    let argument = String::from_utf8(arguments[0].data.clone()).unwrap();
    let (fails, takes_ms) = argument.split_once(',').unwrap();
    tokio::select! {
        () = sleep(Duration::from_millis(takes_ms.parse().unwrap())) => {}
        () = context.cancelled() => return Err(ActivityError::cancelled()),
    }
    assert!(context.info().is_local);
    let attempt = context.info().attempt;
    if attempt <= fails.parse().unwrap() {
        return Err(guest_sdk_types::Failure::application("Early", "too early").build().into());
    }
    Ok(attempt)
}

fn executors(places: usize) -> Executors {
    let mut registry = Registry::new();
    registry.register(Definition::asynchronous("work", work)).unwrap();
    registry
        .register(Definition::asynchronous("outside", |_, RawValue(_): RawValue| async {
            Err::<(), _>(ActivityError::WillCompleteAsync)
        }))
        .unwrap();
    let runtime = Some(tokio::runtime::Handle::current());
    Executors::new(Arc::new(registry), Options { local: places, runtime, ..Options::default() })
}

/// What a case is about: the activity, and what the run asks of it after so many milliseconds.
struct Case {
    activity: LocalActivity,
    executors: Option<Executors>,
    cancel_after_ms: Option<u64>,
}

fn seconds(seconds: u64) -> Option<prost_types::Duration> {
    Some(duration_to_proto(Duration::from_secs(seconds)))
}

/// An activity with this argument. Pauses are a second.
fn case(argument: &'static str) -> Case {
    let policy = RetryPolicy { backoff_coefficient: 1.0, ..RetryPolicy::default() };
    let activity = LocalActivity {
        activity_id: "1".to_owned(),
        activity_type: "work".to_owned(),
        attempt: 1,
        original_schedule_time: None,
        header: None,
        arguments: vec![Payload { data: argument.into(), ..Payload::default() }],
        schedule_to_close_timeout: None,
        schedule_to_start_timeout: None,
        start_to_close_timeout: seconds(60),
        retry_policy: Some(policy),
        local_retry_threshold: None,
        cancellation: host_core::ActivityCancellation::WaitCancellationCompleted,
        include_arguments_in_marker: false,
        user_metadata: None,
    };
    Case { activity, executors: Some(executors(1)), cancel_after_ms: None }
}

impl Case {
    fn with(mut self, change: impl FnOnce(&mut LocalActivity)) -> Self {
        change(&mut self.activity);
        self
    }

    fn cancelled_after(self, ms: u64) -> Self {
        Self { cancel_after_ms: Some(ms), ..self }
    }

    /// Runs it to its end and compares that, in words.
    async fn ends(self, expected: &str) {
        let (stop, stopped) = watch::channel(Stop::No);
        let attempts = LocalAttempts::new(7, self.activity, Arc::new(run(self.executors)), stopped);
        let cancel = async {
            if let Some(ms) = self.cancel_after_ms {
                sleep(Duration::from_millis(ms)).await;
                stop.send_replace(Stop::Cancel);
            }
            std::future::pending::<()>().await;
        };
        let result = tokio::select! {
            result = attempts.run() => result.unwrap(),
            () = cancel => unreachable!(),
        };
        assert_eq!(show(&result), expected);
    }
}

fn run(executors: Option<Executors>) -> LocalRun {
    LocalRun {
        namespace: "default".to_owned(),
        task_queue: "queue".to_owned(),
        workflow_id: "workflow".to_owned(),
        run_id: "run".to_owned(),
        workflow_type: "Type".to_owned(),
        executors,
    }
}

fn show(result: &LocalActivityResult) -> String {
    let outcome = match &result.outcome {
        Resolution::Completed(result) => {
            format!("completed {}", String::from_utf8_lossy(&result.as_ref().unwrap().data))
        }
        Resolution::Failed(failure) => format!("failed: {}", describe(failure)),
        Resolution::Canceled(failure) => format!("canceled: {}", describe(failure)),
    };
    let pause = result.backoff.map(|pause| format!(", again after {pause:?}")).unwrap_or_default();
    format!(
        "{}.{} s, attempt {}: {outcome}{pause}",
        result.runtime.as_secs(),
        result.runtime.subsec_millis() / 100,
        result.attempt
    )
}

fn describe(failure: &Failure) -> String {
    match &failure.failure_info {
        Some(FailureInfo::TimeoutFailureInfo(info)) => {
            format!("{} {}", failure.message, info.timeout_type().as_str_name())
        }
        _ => failure.message.clone(),
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_follow_the_retry_policy() {
    case("0,500").ends("0.5 s, attempt 1: completed 1").await;
    case("3,100").ends("3.4 s, attempt 4: completed 4").await;
    let attempts =
        |activity: &mut LocalActivity| activity.retry_policy.as_mut().unwrap().maximum_attempts = 2;
    case("9,0").with(attempts).ends("1.0 s, attempt 2: failed: too early").await;
    let types = |activity: &mut LocalActivity| {
        activity.retry_policy.as_mut().unwrap().non_retryable_error_types = vec!["Early".to_owned()];
    };
    case("9,0").with(types).ends("0.0 s, attempt 1: failed: too early").await;
}

#[tokio::test(start_paused = true)]
async fn a_long_pause_is_a_timer_of_the_workflow() {
    let doubling = |activity: &mut LocalActivity| {
        activity.retry_policy = None;
        activity.local_retry_threshold = seconds(3);
    };
    case("9,0").with(doubling).ends("3.0 s, attempt 3: failed: too early, again after 4s").await;
    // By default above a minute: after 1, 2, 4, 8, 16 and 32 s.
    let defaults = |activity: &mut LocalActivity| activity.retry_policy = None;
    case("9,0").with(defaults).ends("63.0 s, attempt 7: failed: too early, again after 64s").await;
    let later = |activity: &mut LocalActivity| activity.attempt = 8;
    case("9,0").with(later).ends("2.0 s, attempt 10: completed 10").await;
}

#[tokio::test(start_paused = true)]
async fn the_host_enforces_timeouts() {
    let attempt = |activity: &mut LocalActivity| {
        activity.start_to_close_timeout = seconds(2);
        activity.retry_policy.as_mut().unwrap().maximum_attempts = 2;
    };
    case("0,9000")
        .with(attempt)
        .ends("5.0 s, attempt 2: failed: Activity timed out TIMEOUT_TYPE_START_TO_CLOSE")
        .await;
    let all = |activity: &mut LocalActivity| activity.schedule_to_close_timeout = seconds(4);
    case("0,9000")
        .with(all)
        .ends("4.0 s, attempt 1: failed: Activity timed out TIMEOUT_TYPE_SCHEDULE_TO_CLOSE")
        .await;
    // The failure says more than the timeout that would follow.
    case("9,100").with(all).ends("3.4 s, attempt 4: failed: too early").await;
    // The time since the first attempt counts, which was in an earlier workflow task.
    let earlier = |activity: &mut LocalActivity| {
        activity.schedule_to_close_timeout = seconds(10);
        let scheduled = SystemTime::now() - Duration::from_secs(30);
        activity.original_schedule_time = Some(timestamp_to_proto(scheduled));
    };
    case("0,9000")
        .with(earlier)
        .ends("0.0 s, attempt 1: failed: Activity timed out TIMEOUT_TYPE_SCHEDULE_TO_CLOSE")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_slot_may_come_too_late() {
    let executors = executors(1);
    let slot = executors.reserve_local(host_activities::ExecutorKind::Async).await.unwrap();
    let start = |activity: &mut LocalActivity| activity.schedule_to_start_timeout = seconds(3);
    let waiting = |executors: &Executors| Case { executors: Some(executors.clone()), ..case("0,0") };
    waiting(&executors)
        .with(start)
        .ends("3.0 s, attempt 1: failed: Activity timed out TIMEOUT_TYPE_SCHEDULE_TO_START")
        .await;
    waiting(&executors).cancelled_after(500).ends("0.5 s, attempt 1: canceled: Activity cancelled").await;
    drop(slot);
    waiting(&executors).ends("0.0 s, attempt 1: completed 1").await;
}

#[tokio::test(start_paused = true)]
async fn cancellation_ends_attempts_and_pauses() {
    case("0,9000").cancelled_after(700).ends("0.7 s, attempt 1: canceled: Activity cancelled").await;
    case("9,0").cancelled_after(1_500).ends("1.5 s, attempt 2: canceled: Activity cancelled").await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_run_says_so() {
    let unknown = |activity: &mut LocalActivity| activity.activity_type = "unknown".to_owned();
    case("0,0")
        .with(unknown)
        .ends(
            "0.0 s, attempt 1: failed: local activity `unknown` cannot run: activity `unknown` is not registered; \
             known activities: outside, work; local activities run in the host of their workflow, so start a host \
             that registers it",
        )
        .await;
    Case { executors: None, ..case("0,0") }
        .ends(
            "0.0 s, attempt 1: failed: local activity `work` cannot run: this host has no activities; local \
             activities run in the host of their workflow, so start a host that registers it",
        )
        .await;
    let outside = |activity: &mut LocalActivity| activity.activity_type = "outside".to_owned();
    case("0,0")
        .with(outside)
        .ends(
            "0.0 s, attempt 1: failed: local activity `outside` cannot be completed from outside: call it as an \
             activity",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_run_frees_the_slot() {
    let executors = executors(1);
    let (stop, stopped) = watch::channel(Stop::No);
    let activity = case("0,60000").activity;
    let attempts = LocalAttempts::new(7, activity, Arc::new(run(Some(executors.clone()))), stopped);
    let running = tokio::spawn(attempts.run());
    sleep(Duration::from_millis(10)).await;
    assert_eq!(executors.running().len(), 1);
    drop(stop);
    assert!(running.await.unwrap().is_none());
    executors.reserve_local(host_activities::ExecutorKind::Async).await.unwrap();
    assert_eq!(executors.running(), []);
}
