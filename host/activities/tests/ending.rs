//! A host that ends at once, with an activity in a child process that started another process.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, ExitCode, Stdio},
    sync::Arc,
    time::Duration,
};

use host_activities::{
    ActivityContext, ActivityError, ActivityInfo, ActivityTask, Definition, Executors, HeartbeatAnswer,
    Options, Registry, process,
};
use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::{Pid, test_kill_process};

/// The argument that starts the host instead of the test. It ends at once when its standard input does.
const HOST_ARGUMENT: &str = "host-that-ends";
/// Longest time until a process that was killed is gone.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let mut registry = Registry::new();
    registry.register(Definition::process("orphan", orphan)).unwrap();
    process::child_main(&registry);
    if std::env::args().nth(1).as_deref() == Some(HOST_ARGUMENT) {
        host(registry);
    }
    let trial = Trial::test("what_activities_started_ends_with_a_host_that_ends_at_once", || {
        what_activities_started_ends();
        Ok::<_, Failed>(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

/// Starts a process, says which, and waits for ever.
fn orphan(_: ActivityContext, (): ()) -> Result<(), ActivityError> {
    let sleep = Command::new("sleep").arg("1000").stderr(Stdio::null()).spawn()?;
    eprintln!("{}", sleep.id());
    loop {
        std::thread::park();
    }
}

/// Runs the activity, and ends as the second Ctrl-C ends a host.
fn host(registry: Registry) -> ! {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let executors = Executors::new(Arc::new(registry), Options::default());
            let info =
                ActivityInfo { activity_type: "orphan".to_owned(), attempt: 1, ..ActivityInfo::default() };
            let task = ActivityTask { info, ..ActivityTask::default() };
            let mut slot = executors.reserve().await.unwrap();
            let beat = |_| std::future::ready(HeartbeatAnswer::Recorded);
            executors.run(&mut slot, task, tokio::time::Instant::now(), beat).await
        })
    });
    // It ends when the test closes it.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    process::kill_children();
    std::process::exit(0)
}

fn what_activities_started_ends() {
    let mut host = Command::new(std::env::current_exe().unwrap());
    host.arg(HOST_ARGUMENT).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut host = host.spawn().unwrap();
    let mut orphan = String::new();
    BufReader::new(host.stderr.take().unwrap()).read_line(&mut orphan).unwrap();
    let orphan = Pid::from_raw(orphan.trim().parse().unwrap()).unwrap();
    test_kill_process(orphan).unwrap();
    drop(host.stdin.take());
    host.wait().unwrap();
    let mut waited = Duration::ZERO;
    while test_kill_process(orphan).is_ok() && !is_zombie(orphan) {
        assert!(waited < PATIENCE, "{orphan:?} lives on");
        let step = Duration::from_millis(5);
        std::thread::sleep(step);
        waited += step;
    }
}

/// Whether Linux shows a process as a zombie: it has ended, and nothing waits for it.
fn is_zombie(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}
