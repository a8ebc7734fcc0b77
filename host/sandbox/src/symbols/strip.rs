//! Takes the custom sections out of a component.

use wasm_encoder::{Component, Module, RawSection};
use wasmparser::{Parser, Payload};

use super::sections::Sections;
use crate::limits::{MAX_COMPONENT_DEPTH, MAX_DEBUG_BYTES};
use crate::load_error::LoadError;
use crate::type_depth;

const CORE_MODULE_SECTION: u8 = 1;
const COMPONENT_SECTION: u8 = 4;
const COMPONENT_TYPE_SECTION: u8 = 7;

/// A component without custom sections.
#[derive(Debug)]
pub(crate) struct Stripped {
    pub(crate) component: Vec<u8>,
    /// The debug and name sections of its core modules, in the order in which the modules begin. Empty for all
    /// if they have more than [`MAX_DEBUG_BYTES`] together.
    pub(crate) sections: Vec<Sections>,
    /// Bytes of these sections in the file.
    pub(crate) section_bytes: usize,
}

/// Takes the custom sections out of a component and of everything inside it.
///
/// # Errors
/// Components are nested deeper than [`MAX_COMPONENT_DEPTH`] or types deeper than
/// [`MAX_TYPE_DEPTH`](crate::limits::MAX_TYPE_DEPTH), or the bytes are no component.
pub(crate) fn strip(bytes: &[u8]) -> Result<Stripped, LoadError> {
    let mut strip = Strip::default();
    let component = strip.component(bytes, 0)?;
    let Strip { mut sections, section_bytes } = strip;
    if section_bytes > MAX_DEBUG_BYTES {
        sections.fill_with(Sections::default);
    }
    Ok(Stripped { component, sections, section_bytes })
}

#[derive(Default)]
struct Strip {
    sections: Vec<Sections>,
    section_bytes: usize,
}

impl Strip {
    fn component(&mut self, bytes: &[u8], depth: usize) -> Result<Vec<u8>, LoadError> {
        if depth > MAX_COMPONENT_DEPTH {
            return Err(LoadError::Nested);
        }
        let mut stripped = Component::new();
        for payload in outermost(bytes) {
            let payload = payload?;
            let (id, data) = match payload {
                Payload::ModuleSection { ref unchecked_range, .. } => {
                    (CORE_MODULE_SECTION, self.module(slice(bytes, unchecked_range)?)?)
                }
                Payload::ComponentSection { ref unchecked_range, .. } => {
                    (COMPONENT_SECTION, self.component(slice(bytes, unchecked_range)?, depth + 1)?)
                }
                Payload::CustomSection(_) => continue,
                Payload::ComponentTypeSection(ref section) => {
                    let range = section.range();
                    let data = slice(bytes, &range)?;
                    type_depth::check(data, range.start)?;
                    stripped.section(&RawSection { id: COMPONENT_TYPE_SECTION, data });
                    continue;
                }
                other => {
                    let Some((id, range)) = other.as_section() else { continue };
                    stripped.section(&RawSection { id, data: slice(bytes, &range)? });
                    continue;
                }
            };
            stripped.section(&RawSection { id, data: &data });
        }
        Ok(stripped.finish())
    }

    fn module(&mut self, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
        let mut stripped = Module::new();
        let mut sections = Sections::default();
        for payload in outermost(bytes) {
            let payload = payload?;
            if let Payload::CustomSection(section) = &payload {
                if Sections::wants(section.name()) {
                    self.section_bytes = self.section_bytes.saturating_add(section.data().len());
                    if self.section_bytes <= MAX_DEBUG_BYTES {
                        sections.add(section.name(), section.data());
                    }
                }
            } else if let Some((id, range)) = payload.as_section() {
                stripped.section(&RawSection { id, data: slice(bytes, &range)? });
            }
        }
        self.sections.push(sections);
        Ok(stripped.finish())
    }
}

/// The sections of a module or component, without those of the modules and components inside it.
fn outermost(bytes: &[u8]) -> impl Iterator<Item = Result<Payload<'_>, LoadError>> {
    let mut depth = 0_usize;
    Parser::new(0).parse_all(bytes).filter_map(move |payload| {
        let payload = match payload {
            Ok(payload) => payload,
            Err(error) => return Some(Err(LoadError::malformed(&error))),
        };
        let outer = depth == 0;
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        outer.then_some(Ok(payload))
    })
}

fn slice<'a>(bytes: &'a [u8], range: &std::ops::Range<usize>) -> Result<&'a [u8], LoadError> {
    bytes.get(range.clone()).ok_or_else(|| LoadError::Malformed {
        message: "a section ends behind the end of the file".to_owned(),
        offset: range.start as u64,
    })
}
