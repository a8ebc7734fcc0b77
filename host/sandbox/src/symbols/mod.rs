//! Names, files and lines of a module's functions, for backtraces.
//!
//! Debug and name sections are input that a guest's author controls, and wasmtime reads them when a guest
//! traps: by recursion, without a limit of memory or time. So wasmtime never sees them. [`strip`] takes every
//! custom section out of a module before it is compiled, and [`Symbols`] keeps those that a backtrace needs.
//! They are read once a guest has failed, in one pass without recursion, within a [`Budget`].

mod budget;
mod dwarf;
mod lines;
mod names;
mod sections;
mod strip;

use std::ops::Range;

use wasmparser::{Parser, Payload};

use budget::Budget;
pub(crate) use sections::Sections;
pub(crate) use strip::{Stripped, strip};

/// A function of a backtrace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    /// The name as the sections have it, mangled.
    pub(crate) name: Option<String>,
    /// File and line.
    pub(crate) place: Option<(String, u32)>,
}

/// A place in the code of a module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Offset in the compiled component (`wasmtime::FrameInfo::module_offset`).
    pub(crate) offset: usize,
    /// Index of the function in its core module.
    pub(crate) function: u32,
}

/// The symbols of a component.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    /// By core module: the bytes of its code section in the compiled component, and its sections.
    modules: Vec<(Range<usize>, Sections)>,
}

impl Symbols {
    /// Joins the sections of the core modules with the component that is compiled, which has the same core
    /// modules in the same order.
    pub(crate) fn new(sections: Vec<Sections>, compiled: &[u8]) -> Self {
        Self { modules: code_sections(compiled).into_iter().zip(sections).collect() }
    }

    /// The calls at some places, innermost first where functions are inlined. Without symbols a place has no
    /// call.
    pub(crate) fn resolve(&self, places: &[Place]) -> Vec<Vec<Call>> {
        let mut budget = Budget::new();
        let mut calls = vec![Vec::new(); places.len()];
        for (code, sections) in &self.modules {
            let (numbers, inside): (Vec<usize>, Vec<Place>) =
                places.iter().copied().enumerate().filter(|(_, place)| code.contains(&place.offset)).unzip();
            if inside.is_empty() {
                continue;
            }
            // Addresses of debug sections begin at the code section.
            let addresses: Vec<u64> = inside.iter().map(|place| (place.offset - code.start) as u64).collect();
            let functions: Vec<u32> = inside.iter().map(|place| place.function).collect();
            let names = names::find(sections, &functions, &mut budget);
            let inlined = dwarf::resolve(sections, &addresses, &mut budget);
            for ((number, name), mut found) in numbers.into_iter().zip(names).zip(inlined) {
                match found.last_mut() {
                    Some(outermost) if outermost.name.is_none() => outermost.name = name,
                    Some(_) => {}
                    None => found.extend(name.map(|name| Call { name: Some(name), place: None })),
                }
                calls[number] = found;
            }
        }
        calls
    }
}

/// The code sections of the core modules of a component; empty for a module without code.
fn code_sections(component: &[u8]) -> Vec<Range<usize>> {
    let mut code = Vec::new();
    for payload in Parser::new(0).parse_all(component).map_while(Result::ok) {
        match payload {
            Payload::ModuleSection { .. } => code.push(0..0),
            Payload::CodeSectionStart { range, .. } => {
                if let Some(last) = code.last_mut() {
                    *last = range;
                }
            }
            _ => {}
        }
    }
    code
}
