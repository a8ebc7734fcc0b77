//! The way through JSON that is to become a message: which value is of which kind.

use prost_reflect::{FieldDescriptor, Kind};
use serde_json::Value;

/// Where to go from a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Descent {
    /// To the fields of the message that it now is.
    Deeper,
    /// Not into it.
    Stop,
}

/// Visits a value of this kind, and then those of its fields: each element of lists and maps, outermost first. What stands
/// for no field, null for a field, and messages with a notation of their own are passed by.
pub(super) fn descend(kind: &Kind, value: &mut Value, visit: &mut dyn FnMut(&Kind, &mut Value) -> Descent) {
    if visit(kind, value) == Descent::Stop {
        return;
    }
    let (Kind::Message(message), Value::Object(fields)) = (kind, value) else { return };
    if message.package_name() == "google.protobuf" {
        return;
    }
    for (name, value) in fields {
        let field = message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name));
        if let Some(field) = field {
            descend_field(&field, value, visit);
        }
    }
}

fn descend_field(
    field: &FieldDescriptor,
    value: &mut Value,
    visit: &mut dyn FnMut(&Kind, &mut Value) -> Descent,
) {
    match value {
        Value::Null => {}
        Value::Array(values) if field.is_list() => {
            for value in values {
                descend(&field.kind(), value, visit);
            }
        }
        Value::Object(entries) if field.is_map() => {
            if let Kind::Message(entry) = field.kind() {
                let kind = entry.map_entry_value_field().kind();
                for (_, value) in entries {
                    descend(&kind, value, visit);
                }
            }
        }
        value => descend(&field.kind(), value, visit),
    }
}
