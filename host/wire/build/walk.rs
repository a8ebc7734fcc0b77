//! Generates `Walk` for every message that a request of the services can hold, from the same descriptor as
//! the messages: a field that the protocol adds is walked without a change here.

use std::{error::Error, fmt::Write as _};

use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use crate::messages::{Body, Message, each, full_name, index_all, map_entry, oneof_of, own};

/// The services whose requests are walked.
const SERVICES: [(&str, &str); 2] = [
    ("temporal.api.workflowservice.v1", "WorkflowService"),
    ("temporal.api.operatorservice.v1", "OperatorService"),
];
/// Handed to the visitor as a whole.
const FAILURE: &str = ".temporal.api.failure.v1.Failure";
/// Messages of `prost_types` for which `walk.rs` has the implementation.
const BY_HAND: [&str; 2] = [".google.protobuf.Any", ".google.protobuf.FieldMask"];
/// Shown to the visitor.
const DURATION: &str = ".google.protobuf.Duration";
/// Messages of numbers only, other than durations.
const NUMBERS: [&str; 5] = [
    ".google.protobuf.Timestamp",
    ".google.protobuf.Empty",
    ".google.protobuf.BoolValue",
    ".google.protobuf.DoubleValue",
    ".google.protobuf.Int64Value",
];
/// The implementations, as Rust.
pub(crate) fn implementations(descriptors: &FileDescriptorSet) -> Result<String, Box<dyn Error>> {
    let all = index_all(descriptors);
    let mut open = Vec::new();
    for (package, name) in SERVICES {
        let file = descriptors.file.iter().filter(|file| file.package() == package);
        let service = file.flat_map(|file| &file.service).find(|service| service.name() == name);
        let service = service.ok_or_else(|| format!("the descriptor has no {name}"))?;
        open.extend(service.method.iter().map(|method| method.input_type().to_owned()));
    }
    each(&all, open, implement)
}

fn implement(
    code: &mut String,
    name: &str,
    message: &Message<'_>,
    open: &mut Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let mut body = Body::default();
    for field in &message.descriptor.field {
        let full_name = full_name(name, field);
        match oneof_of(field) {
            Some(oneof) => {
                if let Some(visit) = visit(field, &full_name, open) {
                    body.arm(message, oneof, field, &visit)?;
                }
            }
            None => plain_field(&mut body.plain, message.descriptor, field, &full_name, open)?,
        }
    }
    let body = body.finish(message)?;
    writeln!(
        code,
        "impl Walk for {} {{\n    #[allow(unused_variables)]\n    fn walk(&mut self, visitor: &mut dyn \
         Visitor) {{\n{body}    }}\n}}\n",
        message.path
    )?;
    Ok(())
}

/// A field that is not part of a oneof.
fn plain_field(
    body: &mut String,
    message: &DescriptorProto,
    field: &FieldDescriptorProto,
    full_name: &str,
    open: &mut Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let own = own(field);
    if let Some(entry) = map_entry(message, field) {
        let number = |number: i32| entry.field.iter().find(move |field| field.number() == number);
        let value = visit(number(2).ok_or("no value")?, full_name, open).unwrap_or_default();
        let has_name = number(1).is_some_and(|key| key.r#type() == Type::String);
        let key = if has_name { format!("visitor.key({full_name:?}, key);") } else { String::new() };
        writeln!(body, "        for (key, it) in &mut {own} {{ {key} {value} }}")?;
        return Ok(());
    }
    let Some(visit) = visit(field, full_name, open) else { return Ok(()) };
    let optional = field.r#type() == Type::Message || field.proto3_optional();
    if field.label() == Label::Repeated {
        writeln!(body, "        for it in &mut {own} {{ {visit} }}")?;
    } else if optional {
        writeln!(body, "        if let Some(it) = &mut {own} {{ {visit} }}")?;
    } else {
        writeln!(body, "        {{ let it = &mut {own}; {visit} }}")?;
    }
    Ok(())
}

/// What is done with `it`, one value of a field; nothing for numbers.
fn visit(field: &FieldDescriptorProto, full_name: &str, open: &mut Vec<String>) -> Option<String> {
    match field.r#type() {
        Type::String => Some(format!("visitor.string({full_name:?}, it);")),
        Type::Bytes => Some(format!("visitor.bytes({full_name:?}, it);")),
        Type::Message => match field.type_name() {
            FAILURE => Some(format!("visitor.failure({full_name:?}, it);")),
            DURATION => Some(format!("visitor.duration({full_name:?}, it);")),
            ".google.protobuf.StringValue" => Some(format!("visitor.string({full_name:?}, it);")),
            name if NUMBERS.contains(&name) => None,
            name => {
                if !BY_HAND.contains(&name) {
                    open.push(name.to_owned());
                }
                Some("it.walk(visitor);".to_owned())
            }
        },
        _ => None,
    }
}
