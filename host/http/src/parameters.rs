//! Fields of a message by their paths and as texts: what the path and the query of a request say.

use std::collections::BTreeMap;

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};

use crate::value;

/// Sets a field that the path of the request says.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn set(message: &mut DynamicMessage, path: &str, text: &str) -> Result<(), String> {
    set_values(message, path, &[text.to_owned()])
}

/// Sets what the query of a request says, but for the fields that its path or its body says. What is no field is passed over,
/// as Temporal's server does: proxies and clients add parameters of their own.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn set_query(message: &mut DynamicMessage, query: &str, said: &[&str]) -> Result<(), String> {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    for (name, mut values) in parameters {
        // `field[key]=value` is an entry of a map.
        let name = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((field, key)) => {
                values.insert(0, key.to_owned());
                field.to_owned()
            }
            None => name,
        };
        let path = proto_names(&message.descriptor(), &name);
        let is_said =
            |said: &str| path.strip_prefix(said).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if !said.iter().any(|said| is_said(said)) {
            set_values(message, &path, &values)?;
        }
    }
    Ok(())
}

/// A path with the names of the proto file, where it has those of JSON.
fn proto_names(descriptor: &MessageDescriptor, path: &str) -> String {
    let mut message = Some(descriptor.clone());
    let names = path.split('.').map(|name| {
        let field = message.take().and_then(|message| field(&message, name));
        let Some(field) = field else { return name.to_owned() };
        message = field.kind().as_message().cloned();
        field.name().to_owned()
    });
    names.collect::<Vec<_>>().join(".")
}

fn field(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name))
}

fn set_values(message: &mut DynamicMessage, path: &str, values: &[String]) -> Result<(), String> {
    let (name, deeper) = match path.split_once('.') {
        Some((name, deeper)) => (name, Some(deeper)),
        None => (path, None),
    };
    let Some(field) = field(&message.descriptor(), name) else { return Ok(()) };
    check_oneof(message, &field)?;
    let Some(deeper) = deeper else { return set_field(message, &field, values) };
    let kind = field.kind();
    if kind.as_message().is_none() || field.is_list() || field.is_map() {
        return Err(format!("invalid path: {name:?} is not a message"));
    }
    match message.get_field_mut(&field) {
        Value::Message(inner) => set_values(inner, deeper, values),
        _ => Ok(()),
    }
}

fn check_oneof(message: &DynamicMessage, field: &FieldDescriptor) -> Result<(), String> {
    let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) else { return Ok(()) };
    let set = oneof.fields().find(|each| message.has_field(each));
    match set {
        Some(set) if set != *field || field.kind().as_message().is_none() => {
            Err(format!("field already set for oneof {:?}", oneof.name()))
        }
        _ => Ok(()),
    }
}

fn set_field(message: &mut DynamicMessage, field: &FieldDescriptor, values: &[String]) -> Result<(), String> {
    let parse = |kind: &Kind, text: &String| {
        value::parse(kind, text).map_err(|wrong| format!("parsing field {:?}: {wrong}", field.name()))
    };
    if field.is_list() {
        let more = values.iter().map(|text| parse(&field.kind(), text)).collect::<Result<Vec<_>, _>>()?;
        if let Value::List(list) = message.get_field_mut(field) {
            list.extend(more);
        }
        return Ok(());
    }
    if field.is_map() {
        let ([key, text], Kind::Message(entry)) = (values, field.kind()) else {
            return Err(format!(
                "field {0:?} is a map: write {0}[KEY]=VALUE, once for each key",
                field.name()
            ));
        };
        let key = map_key(parse(&entry.map_entry_key_field().kind(), key)?)
            .ok_or_else(|| format!("field {:?} has keys of another kind", field.name()))?;
        let value = parse(&entry.map_entry_value_field().kind(), text)?;
        if let Value::Map(map) = message.get_field_mut(field) {
            map.insert(key, value);
        }
        return Ok(());
    }
    let [text] = values else {
        return Err(format!("too many values for field {:?}: {}", field.name(), values.join(", ")));
    };
    let value = parse(&field.kind(), text)?;
    message.set_field(field, value);
    Ok(())
}

fn map_key(value: Value) -> Option<MapKey> {
    Some(match value {
        Value::Bool(key) => MapKey::Bool(key),
        Value::I32(key) => MapKey::I32(key),
        Value::I64(key) => MapKey::I64(key),
        Value::U32(key) => MapKey::U32(key),
        Value::U64(key) => MapKey::U64(key),
        Value::String(key) => MapKey::String(key),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use host_wire::{
        descriptor_pool,
        protojson::{WriteOptions, dynamic_to_json},
    };

    use super::*;

    /// The message that a query makes, as JSON, or what is wrong with it.
    fn check(message: &str, query: &str, said: &[&str], expected: Expect) {
        let descriptor = descriptor_pool().get_message_by_name(&format!("temporal.api.{message}")).unwrap();
        let mut message = DynamicMessage::new(descriptor);
        let made = set_query(&mut message, query, said);
        let options = WriteOptions { one_line: true, ..WriteOptions::default() };
        expected
            .assert_eq(&made.map_or_else(|wrong| wrong, |()| dynamic_to_json(&message, options).unwrap()));
    }

    const LIST: &str = "workflowservice.v1.ListWorkflowExecutionsRequest";
    const HISTORY: &str = "workflowservice.v1.GetWorkflowExecutionHistoryRequest";

    #[test]
    fn queries_by_both_spellings() {
        check(
            LIST,
            "pageSize=7&query=A%20%3D+%27b%27",
            &[],
            expect![[r#"{"pageSize":7,"query":"A = 'b'"}"#]],
        );
        check(
            HISTORY,
            "execution.runId=r&execution.workflow_id=w&wait_new_event=true&historyEventFilterType=2",
            &[],
            expect![[
                r#"{"execution":{"workflowId":"w","runId":"r"},"waitNewEvent":true,"historyEventFilterType":"HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT"}"#
            ]],
        );
    }

    #[test]
    fn what_is_said_elsewhere_and_what_is_no_field() {
        check(
            HISTORY,
            "execution.workflowId=x&execution.run_id=r&namespace=y",
            &["namespace", "execution.workflow_id"],
            expect![[r#"{"execution":{"runId":"r"}}"#]],
        );
        check(LIST, "pretty&pageSize=1&nothing.at.all=2", &[], expect![[r#"{"pageSize":1}"#]]);
        check(HISTORY, "execution.nothing=2", &[], expect![[r#"{"execution":{}}"#]]);
    }

    #[test]
    fn lists_and_maps() {
        check(
            "taskqueue.v1.TaskQueueVersionSelection",
            "buildIds=a&build_ids=b&unversioned=1",
            &[],
            expect![[r#"{"buildIds":["a","b"],"unversioned":true}"#]],
        );
        check(
            "namespace.v1.UpdateNamespaceInfo",
            "data[a]=1&data[b]=2",
            &[],
            expect![[r#"{"data":{"a":"1","b":"2"}}"#]],
        );
    }

    #[test]
    fn mistakes() {
        check(
            LIST,
            "pageSize=many",
            &[],
            expect![[r#"parsing field "page_size": "many" is not a valid value"#]],
        );
        check(
            LIST,
            "pageSize=1&pageSize=2",
            &[],
            expect![[r#"too many values for field "page_size": 1, 2"#]],
        );
        check(LIST, "query.a=1", &[], expect![[r#"invalid path: "query" is not a message"#]]);
        check(
            "namespace.v1.UpdateNamespaceInfo",
            "data=1",
            &[],
            expect![[r#"field "data" is a map: write data[KEY]=VALUE, once for each key"#]],
        );
    }
}
