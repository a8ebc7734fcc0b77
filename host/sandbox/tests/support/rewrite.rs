//! Changes components that tools have made, so that attacks begin with a real guest.

#![allow(dead_code, unreachable_pub, reason = "every test target uses its own part of it")]

use std::borrow::Cow;

use wasm_encoder::{Component, CustomSection, Module, RawSection};
use wasmparser::{Parser, Payload};

const CORE_MODULE_SECTION: u8 = 1;

/// The sections of a module or component, by id, without those of the modules and components inside it.
/// Custom sections are left out.
pub fn sections(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut depth = 0_usize;
    let mut sections = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.expect("the original is a module");
        let is_custom = matches!(payload, Payload::CustomSection(_));
        if depth == 0
            && !is_custom
            && let Some((id, range)) = payload.as_section()
        {
            sections.push((id, bytes[range].to_vec()));
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    sections
}

/// A component with another first core module, which is the one with the guest's code and memory.
pub fn with_core(component: &[u8], change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut change = Some(change);
    let mut changed = Component::new();
    for (id, data) in sections(component) {
        let data = match (id, change.take()) {
            (CORE_MODULE_SECTION, Some(change)) => change(&data),
            (_, left) => {
                change = left;
                data
            }
        };
        changed.section(&RawSection { id, data: &data });
    }
    changed.finish()
}

/// A core module whose custom sections are these.
pub fn with_custom_sections(module: &[u8], custom: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut changed = Module::new();
    for (id, data) in sections(module) {
        changed.section(&RawSection { id, data: &data });
    }
    for (name, data) in custom {
        changed.section(&CustomSection { name: Cow::Borrowed(name), data: Cow::Borrowed(data) });
    }
    changed.finish()
}
