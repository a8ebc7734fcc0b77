//! Spellings of other tools: enum values of older ones (`TimerFired` for `EVENT_TYPE_TIMER_FIRED`),
//! and oneofs as the Rust SDK's serde has them (`"attributes": {"TimerFiredEventAttributes": {…}}`).

use prost_reflect::{EnumDescriptor, Kind, MessageDescriptor, OneofDescriptor};
use serde_json::{Map, Value};

use super::descend::{Descent, descend};

/// Replaces other spellings by protojson's, all through a message in JSON. Whatever does not look
/// like the message is left alone: reading it afterwards says what is wrong with it.
pub(super) fn respell(descriptor: &MessageDescriptor, value: &mut Value) {
    descend(&Kind::Message(descriptor.clone()), value, &mut |kind, value| {
        match (kind, value) {
            (Kind::Message(message), Value::Object(fields))
                if message.package_name() != "google.protobuf" =>
            {
                for oneof in message.oneofs() {
                    lift_variant(&oneof, fields);
                }
            }
            (Kind::Enum(enumeration), Value::String(spelling)) => {
                if let Some(name) = current_name(enumeration, spelling) {
                    *spelling = name;
                }
            }
            _ => {}
        }
        Descent::Deeper
    });
}

/// Moves the variant of a oneof that is written as an object of its own to where protojson has it:
/// among the fields of the message.
fn lift_variant(oneof: &OneofDescriptor, fields: &mut Map<String, Value>) {
    let Some(Value::Object(written)) = fields.get_mut(oneof.name()) else {
        return;
    };
    let variant = oneof.fields().find_map(|field| {
        let name = written.keys().find(|name| fold(name) == fold(field.name()))?.clone();
        Some((field.json_name().to_owned(), written.remove(&name)?))
    });
    if let Some((name, value)) = variant {
        fields.insert(name, value);
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
