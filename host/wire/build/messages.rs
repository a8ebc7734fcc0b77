//! The messages of the descriptor, and what code about their fields has in common.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt::Write as _,
};

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// Identifiers of the protocol that are words of Rust.
const WORDS: [&str; 7] = ["type", "match", "ref", "async", "enum", "override", "use"];

/// A message of the descriptor, and where its Rust type is.
pub(crate) struct Message<'a> {
    /// The Rust path of the module that has the nested types, and of the message.
    pub(crate) module: String,
    pub(crate) path: String,
    pub(crate) descriptor: &'a DescriptorProto,
}

/// Messages by their full names, as the descriptor refers to them.
pub(crate) type Messages<'a> = BTreeMap<String, Message<'a>>;

/// All messages.
pub(crate) fn index_all(descriptors: &FileDescriptorSet) -> Messages<'_> {
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

/// Writes an implementation for each of these messages, and for those that `implement` adds to them.
pub(crate) fn each(
    all: &Messages<'_>,
    mut open: Vec<String>,
    implement: impl Fn(&mut String, &str, &Message<'_>, &mut Vec<String>) -> Result<(), Box<dyn Error>>,
) -> Result<String, Box<dyn Error>> {
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

/// What a function does with the fields of a message.
#[derive(Default)]
pub(crate) struct Body {
    /// With those that are in no oneof.
    pub(crate) plain: String,
    /// Arms of a match, by oneof.
    oneofs: BTreeMap<i32, String>,
}

impl Body {
    /// Does something with `it`, the value of a field of a oneof.
    pub(crate) fn arm(
        &mut self,
        message: &Message<'_>,
        oneof: i32,
        field: &FieldDescriptorProto,
        action: &str,
    ) -> Result<(), Box<dyn Error>> {
        let path = format!("{}::{}", message.module, oneof_name(message, oneof)?.to_upper_camel_case());
        let variant = field.name().to_upper_camel_case();
        let arms = self.oneofs.entry(oneof).or_default();
        writeln!(arms, "            Some({path}::{variant}(it)) => {{ {action} }}")?;
        Ok(())
    }

    /// The whole function.
    pub(crate) fn finish(self, message: &Message<'_>) -> Result<String, Box<dyn Error>> {
        let Self { plain: mut body, oneofs } = self;
        for (oneof, arms) in oneofs {
            let own = word(&oneof_name(message, oneof)?.to_snake_case());
            writeln!(body, "        match &mut self.{own} {{\n{arms}            _ => {{}}\n        }}")?;
        }
        Ok(body)
    }
}

/// The name of a field as the protocol has it.
pub(crate) fn full_name(message: &str, field: &FieldDescriptorProto) -> String {
    format!("{}.{}", message.trim_start_matches('.'), field.name())
}

/// A field as an expression of Rust.
pub(crate) fn own(field: &FieldDescriptorProto) -> String {
    format!("self.{}", word(&field.name().to_snake_case()))
}

/// The oneof that a field is in.
pub(crate) fn oneof_of(field: &FieldDescriptorProto) -> Option<i32> {
    field.oneof_index.filter(|_| !field.proto3_optional())
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

fn oneof_name<'a>(message: &Message<'a>, index: i32) -> Result<&'a str, Box<dyn Error>> {
    let oneof = message.descriptor.oneof_decl.get(usize::try_from(index)?);
    Ok(oneof.ok_or("no such oneof")?.name())
}

fn word(name: &str) -> String {
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
