//! The protocol's descriptor, for tests that try every field of every request.

use std::collections::BTreeMap;

use prost::{Message, encoding::WireType};
use prost_types::{DescriptorProto, FileDescriptorSet};

/// The type of failures, as the descriptor names it.
pub(crate) const FAILURE: &str = ".temporal.api.failure.v1.Failure";

/// What the descriptor says.
pub(crate) struct Protocol {
    /// By full name, which begins with a dot.
    pub(crate) messages: BTreeMap<String, DescriptorProto>,
    /// Calls of the workflow service: the name of each and the type of its request.
    pub(crate) calls: Vec<(String, String)>,
}

impl Protocol {
    pub(crate) fn read() -> Self {
        let encoded = include_bytes!("../../descriptor/temporal-api.bin").as_slice();
        let (mut messages, mut calls) = (BTreeMap::new(), Vec::new());
        for file in FileDescriptorSet::decode(encoded).unwrap().file {
            let package = format!(".{}", file.package());
            for service in file.service.iter().filter(|service| service.name() == "WorkflowService") {
                let methods = service.method.iter();
                calls.extend(methods.map(|it| (it.name().to_owned(), it.input_type().to_owned())));
            }
            file.message_type.into_iter().for_each(|message| index(&mut messages, &package, message));
        }
        Self { messages, calls }
    }
}

fn index(messages: &mut BTreeMap<String, DescriptorProto>, parent: &str, message: DescriptorProto) {
    let name = format!("{parent}.{}", message.name());
    message.nested_type.iter().for_each(|inner| index(messages, &name, inner.clone()));
    messages.insert(name, message);
}

/// A message, string or bytes as a field of the message around it.
pub(crate) fn nested(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    prost::encoding::encode_key(number, WireType::LengthDelimited, &mut encoded);
    prost::encoding::encode_varint(bytes.len() as u64, &mut encoded);
    encoded.extend_from_slice(bytes);
    encoded
}
