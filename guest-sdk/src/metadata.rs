//! The query that lists the handlers of a workflow, for user interfaces:
//! `temporal.api.sdk.v1.WorkflowMetadata` as JSON.

use guest_sdk_types::{Encoding, Payload};
use serde_json::{Value, json};

use crate::workflow::{Definition, Handler};

/// The name of the query, as every Temporal SDK has it.
pub(crate) const QUERY: &str = "__temporal_workflow_metadata";

/// The metadata entry with the name of the message.
const MESSAGE_TYPE: (&str, &str) = ("messageType", "temporal.api.sdk.v1.WorkflowMetadata");

/// The result of the query.
pub(crate) fn answer(workflow_type: &str, definition: &Definition, current_details: &str) -> Payload {
    let metadata = json!({
        "definition": {
            "type": workflow_type,
            "queryDefinitions": handlers(definition.queries),
            "signalDefinitions": handlers(definition.signals),
            "updateDefinitions": handlers(definition.updates),
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
fn handlers(handlers: &[Handler]) -> Vec<Value> {
    let mut handlers: Vec<&Handler> = handlers.iter().collect();
    handlers.sort_unstable_by_key(|handler| handler.name);
    handlers.into_iter().map(definition).collect()
}

/// A definition without its empty fields, as protojson has it.
fn definition(handler: &Handler) -> Value {
    let fields = [("name", handler.name), ("description", handler.description)];
    fields
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(key, text)| (key.to_owned(), Value::from(text)))
        .collect()
}
