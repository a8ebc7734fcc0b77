//! Queries of a run: what the pages ask, and how long they wait for a worker.

use std::time::Duration;

use guest_sdk_types::{Payload, RawValue, UntypedQuery, UntypedWorkflow};
use host_client::{QueryOptions, WorkflowHandle};
use host_text::payloads_json;
use serde_json::Value;
use tokio::time::timeout;

use crate::fault::{Fault, Shown};

/// How long a worker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a workflow says that it handles, and its current details.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) details: String,
    pub(super) queries: Vec<String>,
    pub(super) signals: Vec<String>,
    pub(super) updates: Vec<String>,
}

/// Asks a query of a run.
pub(super) async fn ask(
    handle: &WorkflowHandle<UntypedWorkflow>,
    name: &str,
    input: RawValue,
) -> Shown<Vec<Payload>> {
    let asked = handle.query(UntypedQuery::new(name), input, QueryOptions::default());
    match timeout(PATIENCE, asked).await {
        Ok(answer) => Ok(answer?.0),
        Err(_) => Err(Fault::broken(format!(
            "No worker answered within {} s: does one poll the task queue of the workflow?",
            PATIENCE.as_secs()
        ))),
    }
}

/// Asks a run what it handles.
pub(super) async fn metadata(handle: &WorkflowHandle<UntypedWorkflow>) -> Shown<Metadata> {
    let answer = ask(handle, "__temporal_workflow_metadata", RawValue(Vec::new())).await?;
    let answer = payloads_json(answer)?;
    Ok(Metadata::parse(&serde_json::from_str(&answer).unwrap_or_default()))
}

impl Metadata {
    /// From the JSON form of `temporal.api.sdk.v1.WorkflowMetadata`.
    fn parse(metadata: &Value) -> Self {
        let names = |kind: &str| {
            let definitions = metadata["definition"][kind].as_array().map(Vec::as_slice).unwrap_or_default();
            let names = definitions.iter().filter_map(|definition| definition["name"].as_str());
            // Those that every workflow has are asked by other pages.
            names.filter(|name| !name.starts_with("__")).map(str::to_owned).collect()
        };
        Self {
            details: metadata["currentDetails"].as_str().unwrap_or_default().to_owned(),
            queries: names("queryDefinitions"),
            signals: names("signalDefinitions"),
            updates: names("updateDefinitions"),
        }
    }
}

/// The arguments that a form has: nothing, or one as JSON.
pub(super) fn arguments(json: &str) -> Shown<RawValue> {
    if json.is_empty() {
        return Ok(RawValue(Vec::new()));
    }
    match serde_json::from_str::<Value>(json) {
        Ok(_) => Ok(RawValue(vec![Payload::from_json(json)])),
        Err(error) => Err(Fault::mistake(format!(
            "The input is not JSON: {error}. A text is written in quotes: \"{}\"",
            json.replace('"', "")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_has_names() {
        let metadata = serde_json::json!({
            "definition": {
                "type": "Orders",
                "queryDefinitions": [{"name": "status"}, {"name": "__stack_trace"}],
                "signalDefinitions": [{"name": "approve"}],
            },
            "currentDetails": "waits for Ada",
        });
        let parsed = Metadata::parse(&metadata);
        let expected = Metadata {
            details: "waits for Ada".to_owned(),
            queries: vec!["status".to_owned()],
            signals: vec!["approve".to_owned()],
            updates: Vec::new(),
        };
        assert_eq!(parsed, expected);
        assert_eq!(Metadata::parse(&Value::Null), Metadata::default());
    }

    #[test]
    fn inputs_are_json() {
        assert_eq!(arguments("").unwrap().0.len(), 0);
        assert_eq!(arguments("{\"a\": 1}").unwrap().0, vec![Payload::from_json("{\"a\": 1}")]);
        let mistake = arguments("hello").unwrap_err().message;
        assert!(mistake.ends_with("A text is written in quotes: \"hello\""), "{mistake}");
    }
}
