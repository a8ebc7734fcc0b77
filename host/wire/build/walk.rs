//! Generates `Walk` for every message that a request of the services can hold, from the same descriptor as
//! the messages: a field that the protocol adds is walked without a change here.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt::Write as _,
};

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

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
/// Identifiers of the protocol that are words of Rust.
const WORDS: [&str; 7] = ["type", "match", "ref", "async", "enum", "override", "use"];

/// A message of the descriptor, and where its Rust type is.
pub(crate) struct Message<'a> {
    /// The Rust path of the module that has the nested types, and of the message.
    pub(crate) module: String,
    pub(crate) path: String,
    pub(crate) descriptor: &'a DescriptorProto,
}

/// All messages, by their full names as the descriptor refers to them.
pub(crate) fn index_all(descriptors: &FileDescriptorSet) -> BTreeMap<String, Message<'_>> {
    let mut all = BTreeMap::new();
    for file in &descriptors.file {
        let module: Vec<_> = file.package().split('.').map(|part| word(&part.to_snake_case())).collect();
        let module = format!("crate::{}", module.join("::"));
        for message in &file.message_type {
            index(&mut all, &format!(".{}", file.package()), &module, message);
        }
    }
    all
}

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
    let mut written = BTreeSet::new();
    let mut code = String::new();
    while let Some(name) = open.pop() {
        if !written.insert(name.clone()) {
            continue;
        }
        let message = all.get(&name).ok_or_else(|| format!("the descriptor has no {name}"))?;
        implement(&mut code, &name, message, &mut open)?;
    }
    Ok(code)
}

pub(crate) fn word(name: &str) -> String {
    if WORDS.contains(&name) { format!("r#{name}") } else { name.to_owned() }
}

fn index<'a>(
    all: &mut BTreeMap<String, Message<'a>>,
    parent: &str,
    module: &str,
    descriptor: &'a DescriptorProto,
) {
    let name = format!("{parent}.{}", descriptor.name());
    let nested = format!("{module}::{}", word(&descriptor.name().to_snake_case()));
    for inner in &descriptor.nested_type {
        index(all, &name, &nested, inner);
    }
    let path = format!("{module}::{}", descriptor.name().to_upper_camel_case());
    all.insert(name, Message { module: nested, path, descriptor });
}

fn implement(
    code: &mut String,
    name: &str,
    message: &Message<'_>,
    open: &mut Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let mut body = String::new();
    let mut oneofs: BTreeMap<i32, String> = BTreeMap::new();
    for field in &message.descriptor.field {
        let full_name = format!("{}.{}", name.trim_start_matches('.'), field.name());
        match field.oneof_index.filter(|_| !field.proto3_optional()) {
            Some(oneof) => {
                let Some(visit) = visit(field, &full_name, open) else { continue };
                let path =
                    format!("{}::{}", message.module, oneof_name(message, oneof)?.to_upper_camel_case());
                let variant = field.name().to_upper_camel_case();
                let arms = oneofs.entry(oneof).or_default();
                writeln!(arms, "            Some({path}::{variant}(it)) => {{ {visit} }}")?;
            }
            None => plain_field(&mut body, message.descriptor, field, &full_name, open)?,
        }
    }
    for (oneof, arms) in oneofs {
        let own = word(&oneof_name(message, oneof)?.to_snake_case());
        writeln!(body, "        match &mut self.{own} {{\n{arms}            _ => {{}}\n        }}")?;
    }
    writeln!(
        code,
        "impl Walk for {} {{\n    #[allow(unused_variables)]\n    fn walk(&mut self, visitor: &mut dyn \
         Visitor) {{\n{body}    }}\n}}\n",
        message.path
    )?;
    Ok(())
}

pub(crate) fn oneof_name<'a>(message: &Message<'a>, index: i32) -> Result<&'a str, Box<dyn Error>> {
    let oneof = message.descriptor.oneof_decl.get(usize::try_from(index)?);
    Ok(oneof.ok_or("no such oneof")?.name())
}

/// A field that is not part of a oneof.
fn plain_field(
    body: &mut String,
    message: &DescriptorProto,
    field: &FieldDescriptorProto,
    full_name: &str,
    open: &mut Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let own = format!("self.{}", word(&field.name().to_snake_case()));
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

pub(crate) fn map_entry<'a>(
    message: &'a DescriptorProto,
    field: &FieldDescriptorProto,
) -> Option<&'a DescriptorProto> {
    let name = field.type_name().rsplit('.').next()?;
    message.nested_type.iter().find(|nested| {
        nested.name() == name && nested.options.as_ref().is_some_and(|options| options.map_entry())
    })
}
