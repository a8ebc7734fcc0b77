//! Enum values as older tools spell them: `TimerFired` for `EVENT_TYPE_TIMER_FIRED`.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::Value;

/// Replaces old spellings by today's, in every enum field of a message in JSON. Whatever does not
/// look like the message is left alone: reading it afterwards says what is wrong with it.
pub(super) fn respell(descriptor: &MessageDescriptor, value: &mut Value) {
    if descriptor.package_name() == "google.protobuf" {
        return;
    }
    let Value::Object(fields) = value else {
        return;
    };
    for (name, value) in fields {
        let field = descriptor.get_field_by_json_name(name).or_else(|| descriptor.get_field_by_name(name));
        if let Some(field) = field {
            respell_field(&field, value);
        }
    }
}

fn respell_field(field: &FieldDescriptor, value: &mut Value) {
    match value {
        Value::Array(values) if field.is_list() => {
            for value in values {
                respell_single(&field.kind(), value);
            }
        }
        Value::Object(entries) if field.is_map() => {
            if let Kind::Message(entry) = field.kind() {
                let kind = entry.map_entry_value_field().kind();
                for (_, value) in entries {
                    respell_single(&kind, value);
                }
            }
        }
        value => respell_single(&field.kind(), value),
    }
}

fn respell_single(kind: &Kind, value: &mut Value) {
    match kind {
        Kind::Message(message) => respell(message, value),
        Kind::Enum(enumeration) => {
            if let Value::String(spelling) = value
                && let Some(name) = current_name(enumeration, spelling)
            {
                *spelling = name;
            }
        }
        _ => {}
    }
}

/// The name of the value that an old spelling means, if it is one.
fn current_name(enumeration: &EnumDescriptor, spelling: &str) -> Option<String> {
    if enumeration.get_value_by_name(spelling).is_some() {
        return None;
    }
    let wanted = fold(enumeration.name()) + &fold(spelling);
    enumeration.values().find(|value| fold(value.name()) == wanted).map(|value| value.name().to_owned())
}

/// `EVENT_TYPE_TIMER_FIRED` and `EventType` + `TimerFired` as the same letters.
fn fold(name: &str) -> String {
    name.chars()
        .filter(|character| *character != '_')
        .map(|character| character.to_ascii_lowercase())
        .collect()
}
