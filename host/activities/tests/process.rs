//! Activities in child processes. The child processes run this program, too.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

#[path = "support/passes_its_id.rs"]
mod passes_its_id;
#[path = "support/process_state.rs"]
mod process_state;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use host_activities::types::{Failure, FailureInfo, Payload};
use host_activities::{
    ActivityContext, ActivityError, ActivityInfo, ActivityTask, CancelReason, Definition, Executors, Grace,
    HeartbeatAnswer, Options, Outcome, Registry, process,
};
use libtest_mimic::{Arguments, Failed, Trial};
use passes_its_id::PassesItsId;
use process_state::{ends, is_stopped};
use rustix::process::{Pid, Signal, getpgrp, getpid, kill_process};

/// The argument that starts a host with the activity `forever` in a child process, instead of the tests.
const HOST_ARGUMENT: &str = "host-of-a-child";

/// The line that it prints once the child process runs.
const READY: &str = "a child runs: ";

/// The name of a program that never answers.
const SILENT: &str = "never-answers";

/// The timeout of waits for a child process.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let name = std::env::args_os().next().map(PathBuf::from);
    if name.is_some_and(|name| name.ends_with(SILENT)) {
        std::thread::sleep(2 * PATIENCE);
        return ExitCode::FAILURE;
    }
    let registry = registry();
    process::child_main(&registry);
    if std::env::args().nth(1).as_deref() == Some(HOST_ARGUMENT) {
        block_on(async {
            let hanging = attempt(&Options::default(), "forever", "null");
            let ready = async { eprintln!("{READY}{:?}", hanging.pid().await) };
            tokio::join!(hanging.run(), ready);
        });
        return ExitCode::FAILURE;
    }
    let trials = TESTS.iter().map(|&(name, test)| {
        Trial::test(name, move || {
            block_on(test());
            Ok::<_, Failed>(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

type Test = fn() -> std::pin::Pin<Box<dyn Future<Output = ()>>>;

const TESTS: &[(&str, Test)] = &[
    ("outcomes_come_back", || Box::pin(outcomes_come_back())),
    ("a_long_chain_of_causes_is_cut", || Box::pin(long_chains())),
    ("large_payloads_pass_and_larger_ones_do_not", || Box::pin(large_payloads())),
    ("noise_on_stdout_does_no_harm", || Box::pin(noise_on_stdout())),
    ("children_are_reused_and_lead_a_group", || Box::pin(children_are_reused())),
    ("a_dead_child_fails_its_attempt_only", || Box::pin(dead_children())),
    ("heartbeats_come_out_and_details_go_in", || Box::pin(heartbeats())),
    ("a_request_to_stop_reaches_the_child", || Box::pin(cancellation())),
    ("a_child_that_does_not_stop_is_killed", || Box::pin(hanging_children())),
    ("a_stopped_child_is_killed_and_replaced", || Box::pin(stopped_children())),
    ("processes_of_a_child_end_with_it", || Box::pin(grandchildren())),
    ("a_shutdown_kills_what_is_left", || Box::pin(shutdown())),
    ("a_program_that_is_no_child_says_what_to_do", || Box::pin(other_programs())),
    ("children_end_with_their_host", || Box::pin(host_dies())),
    ("interceptors_run_in_the_parent", || Box::pin(interceptors())),
];

fn registry() -> Registry {
    type Result<T> = std::result::Result<T, ActivityError>;
    let mut registry = Registry::new();
    let definitions = [
        Definition::process("double", |_, (number,): (u32,)| -> Result<u32> { Ok(number * 2) }),
        Definition::process("decline", |_, ()| -> Result<()> {
            let failure = Failure::application("Declined", "no funds").non_retryable().detail(&7)?;
            Err(failure.build().into())
        }),
        Definition::process("deep", |_, (causes,): (u32,)| -> Result<()> {
            let failure = (1..causes).fold(Failure::canceled("innermost", Vec::new()), |cause, number| {
                Failure::application("Nested", number.to_string()).cause(cause).build()
            });
            Err(failure.into())
        }),
        Definition::process("panic", |_, ()| -> Result<()> { panic!("at the {}", "disco") }),
        Definition::process("later", |_, ()| -> Result<()> { Err(ActivityError::WillCompleteAsync) }),
        Definition::process("length", |_, (text,): (String,)| -> Result<usize> { Ok(text.len()) }),
        Definition::process("text", |_, (length,): (usize,)| -> Result<String> { Ok("x".repeat(length)) }),
        Definition::process("noise", noise),
        Definition::process("ids", |_, ()| -> Result<(i32, i32)> {
            Ok((getpid().as_raw_pid(), getpgrp().as_raw_pid()))
        }),
        Definition::process("exit", |_, (code,): (i32,)| -> Result<()> { std::process::exit(code) }),
        Definition::process("die", |_, ()| -> Result<()> {
            kill_process(getpid(), Signal::KILL)?;
            Ok(())
        }),
        Definition::process("count", count),
        Definition::process("orphan", orphan),
        Definition::process("until-told", until_told),
        Definition::process("forever", forever),
    ];
    for definition in definitions {
        registry.register(definition).unwrap();
    }
    registry
}

fn noise(_: ActivityContext, (): ()) -> Result<usize, ActivityError> {
    let mut stdout = std::io::stdout();
    for line in 0..3 {
        writeln!(stdout, "line {line} of an activity that talks a lot")?;
    }
    stdout.flush()?;
    Command::new("echo").arg("so does its own child").stdin(Stdio::inherit()).status()?;
    let mut typed = String::new();
    Ok(std::io::stdin().read_to_string(&mut typed)?)
}

/// Counts to a hundred, from the number of the last heartbeat of the attempt before, and then fails.
fn count(context: ActivityContext, (): ()) -> Result<(), ActivityError> {
    let from = context.heartbeat_details::<u32>()?.unwrap_or(0);
    for step in from..=100 {
        context.record_heartbeat(step)?;
    }
    Err(anyhow::anyhow!("counted from {from}").into())
}

fn until_told(context: ActivityContext, (): ()) -> Result<(), ActivityError> {
    context.record_heartbeat("waiting")?;
    while !context.is_cancelled() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let reason = format!("{:?}", context.cancel_reason());
    Err(ActivityError::cancelled_with_details(&reason)?)
}

/// Starts a process, tells its id, and dies (`true`) or waits.
fn orphan(context: ActivityContext, (dies,): (bool,)) -> Result<(), ActivityError> {
    let child = Command::new("sleep").arg("1000").spawn()?;
    context.record_heartbeat(child.id())?;
    if dies {
        kill_process(getpid(), Signal::KILL)?;
    }
    loop {
        std::thread::park();
    }
}

/// Ignores cancellation.
fn forever(context: ActivityContext, (): ()) -> Result<(), ActivityError> {
    context.record_heartbeat(getpid().as_raw_pid())?;
    loop {
        std::thread::park();
    }
}

/// One call of an activity.
struct Attempt {
    executors: Executors,
    task: ActivityTask,
    answer: HeartbeatAnswer,
    heartbeats: Arc<Mutex<Vec<Payload>>>,
}

fn attempt(options: &Options, activity: &str, argument: &str) -> Attempt {
    let executors = Executors::new(Arc::new(registry()), options.clone());
    Attempt {
        executors,
        task: ActivityTask {
            info: ActivityInfo {
                activity_type: activity.to_owned(),
                activity_id: "1".to_owned(),
                attempt: 1,
                ..ActivityInfo::default()
            },
            arguments: vec![Payload::from_json(argument)],
            ..ActivityTask::default()
        },
        answer: HeartbeatAnswer::Recorded,
        heartbeats: Arc::default(),
    }
}

impl Attempt {
    /// Starts the child process, which the attempt gets then: how long a start takes is not part of its timeout.
    async fn warm(mut self) -> Self {
        let activity = std::mem::replace(&mut self.task.info.activity_type, "ids".to_owned());
        let arguments = std::mem::replace(&mut self.task.arguments, vec![Payload::from_json("null")]);
        check(&self.run().await, "completed …");
        self.task.info.activity_type = activity;
        self.task.arguments = arguments;
        self
    }

    async fn run(&self) -> Outcome {
        let mut slot = self.executors.reserve().await.unwrap();
        let (heartbeats, answer) = (Arc::clone(&self.heartbeats), self.answer.clone());
        let send = move |details: Vec<Payload>| {
            heartbeats.lock().unwrap().extend(details);
            std::future::ready(answer.clone())
        };
        self.executors.run(&mut slot, self.task.clone(), tokio::time::Instant::now(), send).await
    }

    /// Waits for the first heartbeat, whose details are a process id.
    async fn pid(&self) -> Pid {
        let start = Instant::now();
        loop {
            if let Some(details) = self.heartbeats.lock().unwrap().first() {
                return Pid::from_raw(details.to_value().unwrap()).unwrap();
            }
            assert!(start.elapsed() < PATIENCE, "no heartbeat");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// The outcome as text.
fn show(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Completed(result) => format!("completed {}", text(result)),
        Outcome::Failed { failure, last_heartbeat_details } => {
            let last: Vec<_> = last_heartbeat_details.iter().map(text).collect();
            format!("failed {failure} {last:?}")
        }
        Outcome::Cancelled { details } => {
            format!("cancelled {:?}", details.iter().map(text).collect::<Vec<_>>())
        }
        Outcome::WillCompleteAsync => "later".to_owned(),
        Outcome::Lost(reason) => format!("lost {reason:?}"),
    }
}

fn text(payload: &Payload) -> String {
    String::from_utf8_lossy(&payload.data).into_owned()
}

/// Compares with a pattern, in which `…` matches any text.
fn check(outcome: &Outcome, expected: &str) {
    let shown = show(outcome);
    let mut parts = expected.split('…');
    let mut rest = parts.next().and_then(|start| shown.strip_prefix(start));
    for part in parts {
        rest = rest.and_then(|rest| rest.find(part).map(|at| &rest[at + part.len()..]));
    }
    assert!(rest.is_some(), "expected {expected}\n     got {shown}");
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

async fn outcomes_come_back() {
    let options = Options::default();
    for (activity, argument, expected) in [
        ("double", "21", "completed 42"),
        ("double", "\"x\"", "failed failed to decode the 1 arguments of activity `double` as (u32,): …"),
        ("decline", "null", "failed no funds (Declined) []"),
        ("panic", "null", "failed activity `panic` panicked: at the disco (Panic) []"),
        ("later", "null", "later"),
        ("triple", "1", "failed activity `triple` is not registered; known activities: count, …"),
    ] {
        check(&attempt(&options, activity, argument).run().await, expected);
    }
    let Outcome::Failed { failure, .. } = attempt(&options, "decline", "null").run().await else { panic!() };
    let FailureInfo::Application(application) = failure.info else { panic!() };
    assert!(application.non_retryable);
    assert_eq!(application.details, [Payload::from_json("7")]);
}

async fn long_chains() {
    for causes in [10_u32, 100_000] {
        let outcome = attempt(&Options::default(), "deep", &causes.to_string()).run().await;
        let Outcome::Failed { failure, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(failure.message, (causes - 1).to_string());
        let mut links = 1;
        let mut link = &*failure;
        while let Some(cause) = &link.cause {
            (links, link) = (links + 1, cause);
        }
        assert_eq!(links, causes.min(64));
    }
}

async fn large_payloads() {
    let options = Options::default();
    let text = format!("\"{}\"", "x".repeat(2_000_000));
    check(&attempt(&options, "length", &text).run().await, "completed 2000000");
    check(&attempt(&options, "text", "2000000").run().await, "completed \"xxx…x\"");
    check(
        &attempt(&options, "text", "30000000").run().await,
        "failed result payloads of activity `text` have 300000… bytes, more than the 2097152 …(PayloadsTooLarge) []",
    );
}

async fn noise_on_stdout() {
    check(&attempt(&Options::default(), "noise", "null").run().await, "completed 0");
}

async fn children_are_reused() {
    let ids = attempt(&Options { processes: 1, ..Options::default() }, "ids", "null");
    let (first, second, third) = tokio::join!(ids.run(), ids.run(), ids.run());
    assert_eq!(first, second);
    assert_eq!(second, third);
    let Outcome::Completed(result) = first else { panic!("{first:?}") };
    let (process, group) = result.to_value::<(u32, u32)>().unwrap();
    assert_eq!(process, group);
    assert_ne!(process, std::process::id());
}

async fn dead_children() {
    let mut host = attempt(&Options { processes: 1, ..Options::default() }, "forever", "null");
    let killed = async {
        kill_process(host.pid().await, Signal::KILL).unwrap();
    };
    let (outcome, ()) = tokio::join!(host.run(), killed);
    check(
        &outcome,
        "failed the child process of activity `forever` (pid …) ended with signal: 9 (SIGKILL) (ProcessDied)…",
    );
    let Outcome::Failed { failure, .. } = &outcome else { panic!() };
    assert!(!failure.application_failure().unwrap().non_retryable);
    for (activity, expected) in [
        ("exit", "failed the child process …) ended with exit status: 3 (ProcessDied) []"),
        ("die", "failed the child process …) ended with signal: 9 (SIGKILL) (ProcessDied) []"),
        ("length", "completed 0"),
    ] {
        host.task.info.activity_type = activity.to_owned();
        let argument = if activity == "exit" { "3" } else { "\"\"" };
        host.task.arguments = vec![Payload::from_json(argument)];
        check(&host.run().await, expected);
    }
}

async fn heartbeats() {
    let mut counter = attempt(&Options::default(), "count", "null");
    check(&counter.run().await, r#"failed counted from 0 ["100"]"#);
    // The first heartbeat is sent at once, the others wait; the failure has the details of the last one.
    assert!(counter.heartbeats.lock().unwrap().len() <= 1);
    counter.task.heartbeat_details = vec![Payload::from_json("60")];
    check(&counter.run().await, r#"failed counted from 60 ["100"]"#);
}

async fn cancellation() {
    for (reason, expected) in [
        (CancelReason::Requested, r#"cancelled ["\"Some(Requested)\""]"#),
        (CancelReason::NotFound, "lost NotFound"),
        (CancelReason::Paused, r#"failed activity `until-told` was paused (ActivityPause) ["\"waiting\""]"#),
        (CancelReason::Reset, r#"failed activity `until-told` was reset (ActivityReset) ["\"waiting\""]"#),
    ] {
        let mut told = attempt(&Options::default(), "until-told", "null");
        told.answer = HeartbeatAnswer::Stop(reason);
        check(&told.run().await, expected);
    }
}

async fn hanging_children() {
    let short = Duration::from_millis(50);
    let options = Options { cancel_grace: short, timeout_margin: short, ..Options::default() };
    let mut told = attempt(&options, "forever", "null");
    told.answer = HeartbeatAnswer::Stop(CancelReason::Requested);
    check(&told.run().await, "cancelled []");
    let mut late = attempt(&options, "forever", "null").warm().await;
    late.task.info.start_to_close_timeout = Some(Duration::from_secs(1));
    check(&late.run().await, "lost TimedOut");
    let mut silent = attempt(&options, "forever", "null").warm().await;
    silent.task.info.heartbeat_timeout = Some(Duration::from_secs(1));
    check(&silent.run().await, "lost TimedOut");
    for hung in [told, late, silent] {
        ends(hung.pid().await).await;
    }
}

async fn stopped_children() {
    let options = Options { processes: 1, timeout_margin: Duration::from_millis(50), ..Options::default() };
    let mut host = attempt(&options, "forever", "null").warm().await;
    host.task.info.start_to_close_timeout = Some(Duration::from_secs(1));
    let stop = async {
        let pid = host.pid().await;
        kill_process(pid, Signal::STOP).unwrap();
        pid
    };
    let (outcome, pid) = tokio::join!(host.run(), stop);
    check(&outcome, "lost TimedOut");
    ends(pid).await;
    // One that is stopped while it is idle gets no attempt, which would time out in it.
    host.task.info.activity_type = "ids".to_owned();
    host.task.info.start_to_close_timeout = Some(PATIENCE);
    let ids = |outcome: Outcome| {
        let Outcome::Completed(result) = outcome else { panic!("{outcome:?}") };
        result.to_value::<(i32, i32)>().unwrap().0
    };
    let first = ids(host.run().await);
    let first_pid = Pid::from_raw(first).unwrap();
    kill_process(first_pid, Signal::STOP).unwrap();
    while cfg!(target_os = "linux") && !is_stopped(first_pid) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_ne!(ids(host.run().await), first);
    ends(first_pid).await;
}

async fn grandchildren() {
    let options = Options { timeout_margin: Duration::from_millis(50), ..Options::default() };
    let dies = attempt(&options, "orphan", "true");
    let outcome = dies.run().await;
    check(&outcome, "failed the child process …");
    // The attempt may end before its heartbeat is sent.
    let Outcome::Failed { last_heartbeat_details, .. } = outcome else { panic!() };
    ends(Pid::from_raw(last_heartbeat_details[0].to_value().unwrap()).unwrap()).await;

    let mut hangs = attempt(&options, "orphan", "false").warm().await;
    hangs.task.info.start_to_close_timeout = Some(Duration::from_secs(1));
    check(&hangs.run().await, "lost TimedOut");
    ends(hangs.pid().await).await;
}

async fn shutdown() {
    let hanging = attempt(&Options::default(), "forever", "null");
    let stop = async {
        hanging.pid().await;
        let short = Duration::from_millis(20);
        hanging.executors.shutdown(Grace { finish: short, stop: short }).await
    };
    let (outcome, left) = tokio::join!(hanging.run(), stop);
    check(&outcome, "failed the host stopped before activity `forever` was done (WorkerShutdown) …");
    let left: Vec<_> = left.iter().map(ToString::to_string).collect();
    assert_eq!(left, ["process activity `forever` (1, attempt 1)"]);
    assert!(hanging.executors.reserve().await.is_none());
}

async fn other_programs() {
    let silent = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(SILENT);
    // An earlier run of the test may have left the file.
    let _ = std::fs::remove_file(&silent);
    std::os::unix::fs::symlink(std::env::current_exe().unwrap(), &silent).unwrap();
    for (program, timeout, expected) in [
        (Path::new("/no/such/program"), PATIENCE, "failed to start a child process: …"),
        (
            Path::new("true"),
            PATIENCE,
            "the child process (pid …) ended with exit status: 0 before it was ready; `main` must call \
             `host_activities::process::child_main` before anything else (NoProcess) []",
        ),
        (
            &silent,
            Duration::from_millis(100),
            "the child process was not ready within 100ms; `main` must call …",
        ),
    ] {
        let options = Options {
            child_program: Some(program.to_owned()),
            child_start_timeout: timeout,
            ..Options::default()
        };
        let expected = format!("failed failed to run activity `ids`: {expected}");
        check(&attempt(&options, "ids", "null").run().await, &expected);
    }
}

async fn host_dies() {
    let program = std::env::current_exe().unwrap();
    let mut host = Command::new(program).arg(HOST_ARGUMENT).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = host.stderr.take().unwrap();
    let mut ready = [0; READY.len()];
    stderr.read_exact(&mut ready).unwrap();
    assert_eq!(String::from_utf8_lossy(&ready), READY);
    host.kill().unwrap();
    host.wait().unwrap();
    // The child process has the other end too, so this returns once both processes have ended.
    let (gone, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || gone.send(stderr.read_to_end(&mut Vec::new())));
    tokio::time::timeout(PATIENCE, end).await.expect("the child lives on").unwrap().unwrap();
}

async fn interceptors() {
    let mut intercepted = registry();
    intercepted.activity_inbound_interceptor(PassesItsId);
    let mut attempt = attempt(&Options::default(), "double", "1");
    attempt.executors = Executors::new(Arc::new(intercepted), Options::default());
    check(&attempt.run().await, &format!("completed {}", getpid().as_raw_pid()));
}
