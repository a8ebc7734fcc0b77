//! Function names of the name section.

use wasmparser::{BinaryReader, Name, NameSectionReader};

use super::budget::{Budget, Stop};
use super::sections::Sections;
use crate::limits::MAX_SYMBOL_BYTES;

/// The names of functions, by their indices in the core module.
pub(super) fn find(sections: &Sections, functions: &[u32], budget: &mut Budget) -> Vec<Option<String>> {
    let mut names = vec![None; functions.len()];
    // What was found before the section ended, or the budget, is good.
    let _ = search(sections, functions, budget, &mut names);
    names
}

fn search(
    sections: &Sections,
    functions: &[u32],
    budget: &mut Budget,
    names: &mut [Option<String>],
) -> Result<(), Stop> {
    for subsection in NameSectionReader::new(BinaryReader::new(sections.names(), 0)) {
        let Name::Function(map) = subsection? else { continue };
        for naming in map {
            let naming = naming?;
            budget.spend_bytes(naming.name.len())?;
            for (_, name) in functions.iter().zip(&mut *names).filter(|(index, _)| **index == naming.index) {
                *name = Some(shortened(naming.name));
            }
        }
    }
    Ok(())
}

/// The first [`MAX_SYMBOL_BYTES`] of a text.
pub(super) fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_SYMBOL_BYTES)].to_owned()
}
