//! The samples of one concept each, as a user runs them by the command line.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use test_harness::{Output, component};

use crate::environment::{Environment, Scene};

/// A sample and a run of it.
struct Tour<'a> {
    /// The package, which is also the workflow id.
    package: &'a str,
    /// The binary: that of the package if it has activities, else `host`.
    binary: &'a str,
    workflow_type: &'a str,
    /// The arguments as JSON.
    input: &'a [&'a str],
    headers: &'a [&'a str],
}

impl<'a> Tour<'a> {
    const fn new(package: &'a str, workflow_type: &'a str, input: &'a [&'a str]) -> Self {
        Self { package, binary: package, workflow_type, input, headers: &[] }
    }

    /// A sample without activities, which every host runs.
    const fn on_any_host(self) -> Self {
        Self { binary: "host", ..self }
    }

    /// Starts the run, gives it to `talk`, and compares the result.
    fn check(
        &self,
        environment: &Environment,
        talk: impl FnOnce(&Scene<'_>) -> Result<()>,
        expected: &Value,
    ) -> Result<()> {
        let scene = environment.scene()?;
        let host = scene.host(self.binary, &[component(self.package)?], &[])?;
        let queue = scene.task_queue.as_str();
        let mut start = vec!["start", "--type", self.workflow_type, "--task-queue", queue];
        start.extend(["--workflow-id", self.package]);
        start.extend(self.input.iter().flat_map(|input| ["--input", input]));
        start.extend(self.headers.iter().flat_map(|header| ["--headers", header]));
        workflow(&scene, &start)?;
        talk(&scene)?;
        let result = scene.completed(self.package)?;
        ensure!(result == *expected, "{}: {result}, not {expected}", self.package);
        ensure!(host.stop()? == 0);
        Ok(())
    }
}

fn workflow(scene: &Scene<'_>, arguments: &[&str]) -> Result<Output> {
    let output = scene.cli(&[&["workflow"], arguments].concat())?;
    ensure!(output.code == 0, "{arguments:?}: {output:?}");
    Ok(output)
}

fn in_silence(_scene: &Scene<'_>) -> Result<()> {
    Ok(())
}

pub(crate) fn message_passing(environment: &Environment) -> Result<()> {
    const ID: &str = "message-passing";
    let talk = |scene: &Scene<'_>| {
        let update = ["update", "execute", "--workflow-id", ID, "--name"];
        workflow(scene, &[&update[..], &["set_language", "--input", "\"french\""]].concat())?;
        let asked = workflow(scene, &["query", "--workflow-id", ID, "--name", "language"])?;
        ensure!(asked.stdout.contains("french"), "{asked:?}");
        let refused = [&["workflow"], &update[..], &["set_language", "--input", "\"hindi\""]].concat();
        let refused = scene.cli(&refused)?;
        ensure!(refused.stderr.contains("Hindi is not among the known languages"), "{refused:?}");
        workflow(scene, &[&update[..], &["look_up_language", "--input", "\"hindi\""]].concat())?;
        workflow(scene, &["signal", "--workflow-id", ID, "--name", "approve", "--input", "\"Ada\""])?;
        Ok(())
    };
    Tour::new(ID, "Greeting", &[]).check(environment, talk, &json!("नमस्ते, दुनिया"))
}

pub(crate) fn child_workflows(environment: &Environment) -> Result<()> {
    let written = json!({"chapters": ["How it began: …", "Chapter 2: …"], "missing": []});
    let book = Tour::new("child-workflows", "Book", &["2"]).on_any_host();
    book.check(environment, in_silence, &written)
}

pub(crate) fn updatable_timer(environment: &Environment) -> Result<()> {
    const ID: &str = "updatable-timer";
    let scene = environment.scene()?;
    let host = scene.host("host", &[component(ID)?], &[])?;
    // The year 2100, and then 1970.
    scene.start("UpdatableTimer", ID, "4102444800")?;
    scene.wait_until("the timer starts", || {
        Ok(scene.event_types(ID)?.iter().any(|event| event == "TIMER_STARTED"))
    })?;
    workflow(&scene, &["signal", "--workflow-id", ID, "--name", "set_wake_up_time", "--input", "1"])?;
    let woke_up = scene.completed(ID)?;
    ensure!(woke_up.as_u64().is_some_and(|seconds| seconds > 1_700_000_000), "{woke_up}");
    // How long its timer is depends on when it starts.
    scene.does_not_compare(ID);
    ensure!(host.stop()? == 0);
    Ok(())
}

pub(crate) fn sliding_window(environment: &Environment) -> Result<()> {
    let batch = [r#"{"records": 12, "window": 3, "starts_per_run": 5}"#];
    let window = Tour::new("sliding-window", "SlidingWindow", &batch).on_any_host();
    window.check(environment, in_silence, &json!(12))
}

pub(crate) fn continue_as_new(environment: &Environment) -> Result<()> {
    let wait = Tour::new("continue-as-new", "WaitForJob", &[r#"{"job": "backup"}"#]);
    wait.check(environment, in_silence, &json!({"result": "backup is done", "polls": 12}))
}

pub(crate) fn patching(environment: &Environment) -> Result<()> {
    let loan = Tour::new("patching", "Loan", &["\"Ada\"", "500"]);
    loan.check(environment, in_silence, &json!("Ada gets 500 euros"))
}

pub(crate) fn local_activities_sample(environment: &Environment) -> Result<()> {
    let cart = Tour::new("local-activities", "Cart", &[r#"["cup", "tea"]"#]);
    cart.check(environment, in_silence, &json!({"cents": 600, "payment": "payment-600"}))
}

pub(crate) fn schedules(environment: &Environment) -> Result<()> {
    let report = Tour::new("schedules", "SalesReport", &["\"tea\""]).on_any_host();
    let expected = json!({"article": "tea", "number": 1, "scheduled_for": null});
    report.check(environment, in_silence, &expected)
}

pub(crate) fn context_propagation(environment: &Environment) -> Result<()> {
    let mut checkout = Tour::new("context-propagation", "Checkout", &[]);
    checkout.headers = &["tenant=\"acme\""];
    checkout.check(environment, in_silence, &json!("shipped for acme"))
}

pub(crate) fn mutex(environment: &Environment) -> Result<()> {
    const ID: &str = "mutex";
    let scene = environment.scene()?;
    let host = scene.host("host", &[component(ID)?], &[])?;
    let queue = scene.task_queue.as_str();
    let resource = format!("\"{queue}\"");
    let works = ["first", "second"];
    for work in works {
        let start = ["start", "--type", "Work", "--task-queue", queue, "--workflow-id", work];
        workflow(&scene, &[&start[..], &["--input", &resource, "--input", "1"]].concat())?;
        scene.does_not_compare(work);
    }
    let mut times = Vec::new();
    for work in works {
        let time = scene.completed(work)?;
        times.push([time[0].as_u64(), time[1].as_u64()]);
        scene.does_not_compare(work);
    }
    times.sort_unstable();
    ensure!(times[0][1] <= times[1][0], "two at once: {times:?}");
    workflow(&scene, &["cancel", "--workflow-id", &format!("mutex-{queue}")])?;
    scene.does_not_compare(&format!("mutex-{queue}"));
    ensure!(host.stop()? == 0);
    Ok(())
}

pub(crate) fn agent(environment: &Environment) -> Result<()> {
    const ID: &str = "agent";
    let talk = |scene: &Scene<'_>| {
        scene.wait_until("it answers", || {
            let asked = workflow(scene, &["query", "--workflow-id", ID, "--name", "conversation"])?;
            Ok(asked.stdout.contains("It is sunny in Berlin."))
        })?;
        workflow(scene, &["signal", "--workflow-id", ID, "--name", "end"])?;
        Ok(())
    };
    let begun = r#"[{"person": "How is the weather in Berlin?"}]"#;
    // A message, a call, what it returned, an answer.
    Tour::new(ID, "Agent", &[begun]).check(environment, talk, &json!(4))
}
