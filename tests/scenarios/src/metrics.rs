//! What Prometheus sees of a host that runs workflows and activities.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use test_harness::{
    component, free_port,
    http::{get, sample},
};

use crate::environment::Environment;

/// A workflow with an activity is counted under the names of Temporal's SDKs, whichever service has it; the embedded one
/// counts it too.
pub(crate) fn metrics_of_a_host(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let host = scene.host("greetings", &[component("greetings")?], &["--metrics-listen", &address])?;
    scene.start("Greetings", "measured", "\"World\"")?;
    ensure!(scene.completed("measured")? == json!("Hello, World!"));
    let queue = format!("namespace=\"default\",task_queue=\"{}\"", scene.task_queue);
    let workflow = format!("{queue},workflow_type=\"Greetings\"");
    let activity = format!("{queue},activity_type=\"compose_greeting\"");
    let counted = |metrics: &str| -> Result<()> {
        for (series, expected) in [
            (format!("temporal_workflow_completed{{{workflow}}}"), 1.0),
            (format!("temporal_workflow_task_execution_latency_count{{{workflow}}}"), 2.0),
            (format!("temporal_activity_task_received{{{activity}}}"), 1.0),
            (format!("temporal_activity_execution_latency_count{{{activity}}}"), 1.0),
            (format!("temporal_activity_schedule_to_start_latency_count{{{activity}}}"), 1.0),
            (format!("temporal_activity_succeed_endtoend_latency_count{{{activity}}}"), 1.0),
            (format!("temporal_sticky_cache_hit{{{queue}}}"), 1.0),
            (format!("temporal_worker_start{{{queue}}}"), 1.0),
        ] {
            let found = sample(metrics, &series);
            ensure!(found == Some(expected), "{series} is {found:?}, not {expected}: {metrics}");
        }
        Ok(())
    };
    // The last count follows the answer of the service, which the client may have had before.
    scene.wait_until("the run is counted", || {
        let (status, metrics) = get(&address, "/metrics")?;
        ensure!(status == "HTTP/1.1 200 OK", "{status}");
        Ok(sample(&metrics, &format!("temporal_workflow_completed{{{workflow}}}")).is_some())
    })?;
    counted(&get(&address, "/metrics")?.1)?;
    let ready = get(&address, "/readyz").context("ask whether it is ready")?;
    ensure!(ready == ("HTTP/1.1 200 OK".to_owned(), "ready\n".to_owned()), "{ready:?}");
    ensure!(host.stop()? == 0);
    Ok(())
}
