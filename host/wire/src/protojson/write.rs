//! Messages as JSON: fields in the order in which the proto file declares them, maps sorted by
//! key, defaults left out. prost-reflect's own writer keeps neither order.

use base64::{Engine, engine::general_purpose::STANDARD};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage, SerializeOptions, Value as Field,
};
use serde_json::Value;

use super::{
    JsonError, WriteOptions, float,
    shorthand::{PAYLOAD, PAYLOADS, shorthand, shorthand_list},
    token::Page,
};
use crate::descriptor;

pub(super) fn message(message: &DynamicMessage, options: WriteOptions) -> Result<String, JsonError> {
    let mut writer = Writer {
        page: Page::new(options.one_line),
        shorthand_payloads: options.shorthand_payloads,
        path: Vec::new(),
    };
    writer.message(message)?;
    Ok(writer.page.into_text())
}

struct Writer {
    page: Page,
    shorthand_payloads: bool,
    path: Vec<String>,
}

impl Writer {
    fn message(&mut self, message: &DynamicMessage) -> Result<(), JsonError> {
        let descriptor = message.descriptor();
        match descriptor.full_name() {
            "google.protobuf.Any" => return self.any(message),
            _ if descriptor.package_name() == "google.protobuf" => return self.well_known(message),
            PAYLOAD if self.shorthand_payloads => {
                if let Some(value) = shorthand(message) {
                    self.json(&value);
                    return Ok(());
                }
            }
            PAYLOADS if self.shorthand_payloads => {
                if let Some(values) = shorthand_list(message) {
                    self.json(&Value::Array(values));
                    return Ok(());
                }
            }
            _ => {}
        }
        self.page.begin_object();
        self.fields(message)?;
        self.page.end_object();
        Ok(())
    }

    fn fields(&mut self, message: &DynamicMessage) -> Result<(), JsonError> {
        let descriptor = message.descriptor();
        for declared in &descriptor.descriptor_proto().field {
            let Some(field) = descriptor.get_field_by_name(declared.name()) else {
                continue;
            };
            if !message.has_field(&field) {
                continue;
            }
            self.page.name(field.json_name());
            self.path.push(field.json_name().to_owned());
            self.field(&field, &message.get_field(&field))?;
            self.path.pop();
        }
        Ok(())
    }

    fn field(&mut self, field: &FieldDescriptor, value: &Field) -> Result<(), JsonError> {
        match value {
            Field::List(values) => {
                self.page.begin_array();
                for (index, value) in values.iter().enumerate() {
                    self.path.push(format!("[{index}]"));
                    self.single(&field.kind(), value)?;
                    self.path.pop();
                }
                self.page.end_array();
                Ok(())
            }
            Field::Map(entries) => {
                let kind = match field.kind() {
                    Kind::Message(entry) => entry.map_entry_value_field().kind(),
                    other => other,
                };
                let mut entries: Vec<(&MapKey, &Field)> = entries.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                self.page.begin_object();
                for (key, value) in entries {
                    let key = map_key(key);
                    self.page.name(&key);
                    self.path.push(key);
                    self.single(&kind, value)?;
                    self.path.pop();
                }
                self.page.end_object();
                Ok(())
            }
            value => self.single(&field.kind(), value),
        }
    }

    fn single(&mut self, kind: &Kind, value: &Field) -> Result<(), JsonError> {
        match value {
            Field::Bool(value) => self.page.bare(if *value { "true" } else { "false" }),
            Field::I32(value) => self.page.bare(&value.to_string()),
            Field::U32(value) => self.page.bare(&value.to_string()),
            Field::I64(value) => self.page.string(&value.to_string()),
            Field::U64(value) => self.page.string(&value.to_string()),
            Field::F32(value) => self.page.bare(&float::float(*value)),
            Field::F64(value) => self.page.bare(&float::double(*value)),
            Field::String(value) => self.page.string(value),
            Field::Bytes(value) => self.page.string(&STANDARD.encode(value)),
            Field::EnumNumber(number) => {
                let name = match kind {
                    Kind::Enum(enumeration) => enumeration.get_value(*number),
                    _ => None,
                };
                match name {
                    Some(value) => self.page.string(value.name()),
                    None => self.page.bare(&number.to_string()),
                }
            }
            Field::Message(message) => self.message(message)?,
            // Neither nests directly in another value.
            Field::List(_) | Field::Map(_) => self.page.bare("null"),
        }
        Ok(())
    }

    /// A message in a message, named by its type URL. One whose type the protocol does not have is
    /// written with its bytes, so that nothing hides.
    fn any(&mut self, any: &DynamicMessage) -> Result<(), JsonError> {
        let Ok(any) = any.transcode_to::<prost_types::Any>() else {
            self.page.bare("null");
            return Ok(());
        };
        let name = any.type_url.rsplit('/').next().unwrap_or_default();
        let inner = descriptor::by_name(name)
            .and_then(|inner| DynamicMessage::decode(inner, any.value.as_slice()).ok());
        self.page.begin_object();
        if !any.type_url.is_empty() {
            self.page.name("@type");
            self.page.string(&any.type_url);
        }
        match inner {
            Some(inner) if inner.descriptor().package_name() == "google.protobuf" => {
                self.page.name("value");
                self.message(&inner)?;
            }
            Some(inner) => self.fields(&inner)?,
            None if any.value.is_empty() => {}
            None => {
                self.page.name("value");
                self.page.string(&STANDARD.encode(&any.value));
            }
        }
        self.page.end_object();
        Ok(())
    }

    /// Times, durations and the like, whose notation prost-reflect knows.
    fn well_known(&mut self, message: &DynamicMessage) -> Result<(), JsonError> {
        let value =
            message.serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new()).map_err(
                |source| JsonError::Unrepresentable { path: self.path.join(".").replace(".[", "["), source },
            )?;
        self.json(&value);
        Ok(())
    }

    fn json(&mut self, value: &Value) {
        match value {
            Value::Null => self.page.bare("null"),
            Value::Bool(value) => self.page.bare(if *value { "true" } else { "false" }),
            Value::Number(number) => match number.as_f64() {
                Some(value) if number.is_f64() => self.page.bare(&float::double(value)),
                _ => self.page.bare(&number.to_string()),
            },
            Value::String(value) => self.page.string(value),
            Value::Array(values) => {
                self.page.begin_array();
                for value in values {
                    self.json(value);
                }
                self.page.end_array();
            }
            Value::Object(entries) => {
                self.page.begin_object();
                for (name, value) in entries {
                    self.page.name(name);
                    self.json(value);
                }
                self.page.end_object();
            }
        }
    }
}

fn map_key(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}
