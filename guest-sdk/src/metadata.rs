//! The query that lists the handlers of a workflow, for user interfaces:
//! `temporal.api.sdk.v1.WorkflowMetadata` as JSON.

use guest_sdk_types::{Encoding, Payload};
use serde_json::{Value, json};

use crate::workflow::Definition;

/// The name of the query, as every Temporal SDK has it.
pub(crate) const QUERY: &str = "__temporal_workflow_metadata";

/// The metadata entry with the name of the message.
const MESSAGE_TYPE: (&str, &str) = ("messageType", "temporal.api.sdk.v1.WorkflowMetadata");

/// The result of the query.
pub(crate) fn answer(workflow_type: &str, definition: &Definition, current_details: &str) -> Payload {
    let updates: Vec<&str> = definition.updates.iter().map(|(name, _)| *name).collect();
    let metadata = json!({
        "definition": {
            "type": workflow_type,
            "queryDefinitions": names(definition.queries),
            "signalDefinitions": names(definition.signals),
            "updateDefinitions": names(&updates),
        },
        "currentDetails": current_details,
    });
    Payload {
        encoding: Encoding::Other("json/protobuf".to_owned()),
        metadata: vec![(MESSAGE_TYPE.0.to_owned(), MESSAGE_TYPE.1.as_bytes().to_vec())],
        data: metadata.to_string().into_bytes(),
    }
}

/// The definitions of handlers, sorted by name. A dynamic handler has no field `name`.
fn names(names: &[&str]) -> Vec<Value> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.into_iter().map(|name| if name.is_empty() { json!({}) } else { json!({ "name": name }) }).collect()
}
