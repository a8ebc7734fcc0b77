//! Generates `Parts` for every message that a request or response of the workflow service can hold, and for events of
//! histories, as far as a payload lies in it: a field that the protocol adds is found without a change here.

use std::{collections::BTreeSet, error::Error, fmt::Write as _};

use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use crate::messages::{Body, Message, Messages, each, full_name, index_all, map_entry, oneof_of, own};

/// Handed out as they are.
const LEAVES: [(&str, &str); 3] = [
    (".temporal.api.common.v1.Payload", "Payload"),
    (".temporal.api.history.v1.History", "History"),
    (".google.protobuf.Any", "Any"),
];
/// Handed out, and looked into.
const FAILURE: &str = ".temporal.api.failure.v1.Failure";
/// Kept as they are: the service reads search attributes, and what passes headers on reads those.
const PLAIN: [&str; 2] = [".temporal.api.common.v1.SearchAttributes", ".temporal.api.common.v1.Header"];
/// Of the details of markers, those that are payloads of authors; the others are read by SDKs.
const MARKER_DETAILS: [&str; 2] = [
    "temporal.api.command.v1.RecordMarkerCommandAttributes.details",
    "temporal.api.history.v1.MarkerRecordedEventAttributes.details",
];
/// Messages that are looked into beside those of the calls.
const ROOTS: [&str; 5] = [
    ".temporal.api.history.v1.HistoryEvent",
    ".temporal.api.update.v1.Request",
    ".temporal.api.update.v1.Response",
    ".temporal.api.update.v1.Acceptance",
    ".temporal.api.update.v1.Rejection",
];

/// The implementations, as Rust.
pub(crate) fn implementations(descriptors: &FileDescriptorSet) -> Result<String, Box<dyn Error>> {
    let all = index_all(descriptors);
    let holders = holders(&all);
    let mut open: Vec<String> = ROOTS.map(str::to_owned).into();
    for file in descriptors.file.iter().filter(|file| file.package() == "temporal.api.workflowservice.v1") {
        for method in file.service.iter().flat_map(|service| &service.method) {
            open.extend([method.input_type().to_owned(), method.output_type().to_owned()]);
        }
    }
    each(&all, open, |code, name, message, open| implement(code, name, message, &holders, open))
}

/// The messages in which a part can lie, at any depth.
fn holders(all: &Messages<'_>) -> BTreeSet<String> {
    let mut holders: BTreeSet<String> = LEAVES.iter().map(|(name, _)| (*name).to_owned()).collect();
    loop {
        let before = holders.len();
        for (name, message) in all {
            let holds = |field: &FieldDescriptorProto| {
                field.r#type() == Type::Message && holders.contains(field.type_name())
            };
            if !PLAIN.contains(&name.as_str()) && message.descriptor.field.iter().any(holds) {
                holders.insert(name.clone());
            }
        }
        if holders.len() == before {
            return holders;
        }
    }
}

fn implement(
    code: &mut String,
    name: &str,
    message: &Message<'_>,
    holders: &BTreeSet<String>,
    open: &mut Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let mut body = Body::default();
    for field in &message.descriptor.field {
        let full_name = full_name(name, field);
        let Some(find) = find(message.descriptor, field, &full_name, holders, open) else { continue };
        if let Some(oneof) = oneof_of(field) {
            body.arm(message, oneof, field, &find)?;
            continue;
        }
        let (body, own) = (&mut body.plain, own(field));
        if map_entry(message.descriptor, field).is_some() {
            let only = if MARKER_DETAILS.contains(&full_name.as_str()) {
                ".filter(|(key, _)| super::is_authors_detail(key))"
            } else {
                ""
            };
            writeln!(body, "        for (_, it) in {own}.iter_mut(){only} {{ {find} }}")?;
        } else if field.label() == Label::Repeated {
            writeln!(body, "        for it in &mut {own} {{ {find} }}")?;
        } else {
            writeln!(body, "        if let Some(it) = &mut {own} {{ {find} }}")?;
        }
    }
    let body = body.finish(message)?;
    writeln!(
        code,
        "impl Parts for {} {{\n    fn parts<'a>(&'a mut self, found: &mut Vec<(&'static str, Part<'a>)>) {{\n{body}    \
         }}\n}}\n",
        message.path
    )?;
    Ok(())
}

/// What is done with `it`, one value of a field; nothing where no part can lie in it.
fn find(
    message: &DescriptorProto,
    field: &FieldDescriptorProto,
    full_name: &str,
    holders: &BTreeSet<String>,
    open: &mut Vec<String>,
) -> Option<String> {
    let value = match map_entry(message, field) {
        Some(entry) => entry.field.iter().find(|field| field.number() == 2)?,
        None => field,
    };
    let of = value.type_name();
    if value.r#type() != Type::Message || !holders.contains(of) {
        return None;
    }
    if let Some((_, part)) = LEAVES.iter().find(|(leaf, _)| *leaf == of) {
        return Some(format!("found.push(({full_name:?}, Part::{part}(it)));"));
    }
    open.push(of.to_owned());
    if of == FAILURE {
        return Some(format!("found.push(({full_name:?}, Part::Failure(it)));"));
    }
    Some("it.parts(found);".to_owned())
}
