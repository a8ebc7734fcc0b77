//! The histories of the workflows that a scenario named, kept for the comparison of the services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use anyhow::{Context, Result};
use serde_json::Value;
use test_harness::{Host, run};

use crate::scrub::scrub;

/// Scrubbed events by workflow id and the number of the run in its chain.
pub(crate) type Histories = BTreeMap<String, Vec<Value>>;

/// The histories of every scenario, by its name and that of the service.
#[derive(Default)]
pub(crate) struct Recordings(Mutex<BTreeMap<(&'static str, &'static str), Histories>>);

impl Recordings {
    pub(crate) fn keep(&self, service: &'static str, scenario: &'static str, histories: Histories) {
        if let Ok(mut kept) = self.0.lock() {
            kept.insert((service, scenario), histories);
        }
    }

    pub(crate) fn take(&self, service: &'static str, scenario: &'static str) -> Option<Histories> {
        self.0.lock().ok()?.remove(&(service, scenario))
    }
}

/// The histories of these workflows: all runs of a chain, and children of children.
pub(crate) fn record(address: &str, workflow_ids: &BTreeSet<String>) -> Result<Histories> {
    let mut recorder = Recorder { address, seen: BTreeSet::new(), histories: Histories::new() };
    for workflow_id in workflow_ids {
        recorder.chain(workflow_id, None)?;
    }
    Ok(recorder.histories)
}

struct Recorder<'a> {
    address: &'a str,
    /// Run ids of chains that were recorded.
    seen: BTreeSet<String>,
    histories: Histories,
}

impl Recorder<'_> {
    /// The chain that a run is part of; without a run, that of the current run. A workflow that does not
    /// exist is none on both services.
    fn chain(&mut self, workflow_id: &str, run_id: Option<&str>) -> Result<()> {
        let Some(mut history) = self.show(workflow_id, run_id)? else { return Ok(()) };
        while let Some(earlier) = started(&history)["continuedExecutionRunId"].as_str() {
            history = self.show(workflow_id, Some(earlier))?.context("the run before it is not there")?;
        }
        let first = started(&history)["firstExecutionRunId"].as_str().unwrap_or_default();
        if !self.seen.insert(first.to_owned()) {
            return Ok(());
        }
        // A workflow id may be used by one chain after another.
        let reused =
            self.histories.keys().filter(|name| name.starts_with(&format!("{workflow_id} "))).count();
        for number in reused + 1.. {
            self.children(&history)?;
            let next = text(last_attributes(&history), "newExecutionRunId");
            self.histories.insert(format!("{workflow_id} (run {number})"), scrub(history));
            match next {
                Some(next) => {
                    history = self.show(workflow_id, Some(&next))?.context("the next run is not there")?;
                }
                None => break,
            }
        }
        Ok(())
    }

    fn children(&mut self, history: &Value) -> Result<()> {
        for event in history["events"].as_array().into_iter().flatten() {
            let child = &event["childWorkflowExecutionStartedEventAttributes"]["workflowExecution"];
            if let (Some(workflow_id), Some(run_id)) = (text(child, "workflowId"), text(child, "runId"))
                // One that the workflow did not choose is another on each service.
                && !is_random(&workflow_id)
            {
                self.chain(&workflow_id, Some(&run_id))?;
            }
        }
        Ok(())
    }

    fn show(&self, workflow_id: &str, run_id: Option<&str>) -> Result<Option<Value>> {
        let mut arguments = vec!["workflow", "show", "--workflow-id", workflow_id, "--output", "json"];
        arguments.extend(run_id.into_iter().flat_map(|run_id| ["--run-id", run_id]));
        let output = run(&mut Host::cli(self.address, &arguments)?)?;
        if output.code != 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_str(&output.stdout).context("a history is not JSON")?))
    }
}

fn started(history: &Value) -> &Value {
    &history["events"][0]["workflowExecutionStartedEventAttributes"]
}

fn last_attributes(history: &Value) -> &Value {
    let last = history["events"].as_array().and_then(|events| events.last()).and_then(Value::as_object);
    let found = last.into_iter().flatten().find(|(name, _)| name.ends_with("EventAttributes"));
    found.map_or(&Value::Null, |(_, attributes)| attributes)
}

fn text(value: &Value, field: &str) -> Option<String> {
    value[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Whether a workflow id is a UUID.
fn is_random(workflow_id: &str) -> bool {
    let is_part = |part: &str| part.bytes().all(|digit| digit.is_ascii_hexdigit());
    workflow_id.len() == 36 && workflow_id.split('-').count() == 5 && workflow_id.split('-').all(is_part)
}
