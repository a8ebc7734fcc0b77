//! More activities than an executor has room for, and activities that do not end.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use test_harness::{Host, component};

use crate::environment::{Environment, Scene};

/// How long activities take that do not end within a scenario.
const FOR_EVER_MS: u64 = 600_000;

fn start(scene: &Scene<'_>, id: &str, executor: &str, count: usize, ms: (u64, u64)) -> Result<()> {
    let (takes_ms, timeout_ms) = ms;
    let plan = json!({"executor": executor, "count": count, "takes_ms": takes_ms, "timeout_ms": timeout_ms});
    scene.start("Crowd", id, &plan.to_string())
}

fn host(scene: &Scene<'_>, arguments: &[&str]) -> Result<Host> {
    scene.host("probes", &[component("probes")?], arguments)
}

/// On 4 threads, and 2 processes, the last of the activities begin after more time than their timeout is. What no
/// thread is free for is not polled, so it does not time out while it waits.
pub(crate) fn more_activities_than_places(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let host = host(&scene, &["--activity-threads", "4", "--activity-processes", "2"])?;
    let (threads, processes) =
        (format!("{}-threads", scene.task_queue), format!("{}-processes", scene.task_queue));
    start(&scene, &threads, "thread", 16, (600, 1_800))?;
    ensure!(scene.completed(&threads)? == 16);
    start(&scene, &processes, "process", 8, (600, 1_800))?;
    ensure!(scene.completed(&processes)? == 8);
    ensure!(host.stop()? == 0);
    Ok(())
}

/// Their child processes are killed after the timeout and replaced.
pub(crate) fn hanging_processes_are_replaced(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let host = host(&scene, &["--activity-processes", "2"])?;
    let (hanging, next) = (format!("{}-hanging", scene.task_queue), format!("{}-next", scene.task_queue));
    start(&scene, &hanging, "process", 2, (FOR_EVER_MS, 500))?;
    ensure!(scene.completed(&hanging)? == 0);
    start(&scene, &next, "process", 2, (0, 5_000))?;
    ensure!(scene.completed(&next)? == 2);
    ensure!(host.stop()? == 0);
    Ok(())
}

/// As many as there can be threads in the runtime of activities.
pub(crate) fn blocked_runtime(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let blocking = std::thread::available_parallelism()?.get().max(2);
    for signals in [1, 2] {
        let id = |name: &str| format!("{}-{name}-{signals}", scene.task_queue);
        let grace = if signals == 1 { "1s" } else { "1h" };
        let mut host = host(&scene, &["--grace-period", grace])?;
        start(&scene, &id("blocking"), "async", blocking, (FOR_EVER_MS, FOR_EVER_MS))?;
        host.wait_for_log("an async activity blocks a thread of the runtime")?;
        ensure!(host.log().contains("activity_type=\"block\""), "{}", host.log());
        // The other executors go on.
        start(&scene, &id("other"), "thread", 2, (0, 5_000))?;
        ensure!(scene.completed(&id("other"))? == 2);
        let terminated = scene.cli(&["workflow", "terminate", "--workflow-id", &id("blocking")])?;
        ensure!(terminated.code == 0, "{terminated:?}");
        let since = Instant::now();
        if signals == 2 {
            host.interrupt()?;
            host.wait_for_log("Ctrl-C again stops at once")?;
        }
        let code = host.stop()?;
        ensure!(code == if signals == 1 { 0 } else { 130 }, "exit code {code}");
        ensure!(since.elapsed() < Duration::from_secs(20), "it took {:?}", since.elapsed());
    }
    Ok(())
}
