//! The custom sections that a backtrace needs.

use std::collections::BTreeMap;

use gimli::{Dwarf, EndianSlice, LittleEndian};

/// Bytes of a module as gimli reads them.
pub(super) type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// What the names of debug sections begin with.
const DEBUG_PREFIX: &str = ".debug_";
const NAME: &str = "name";

/// The name section and the debug sections of one core module.
#[derive(Debug, Default)]
pub(crate) struct Sections {
    sections: BTreeMap<String, Vec<u8>>,
}

impl Sections {
    /// Whether a backtrace needs the section of this name.
    pub(super) fn wants(name: &str) -> bool {
        name == NAME || name.starts_with(DEBUG_PREFIX)
    }

    /// Adds a section. The first one of a name counts.
    pub(super) fn add(&mut self, name: &str, data: &[u8]) {
        if !self.sections.contains_key(name) {
            self.sections.insert(name.to_owned(), data.to_vec());
        }
    }

    pub(super) fn names(&self) -> &[u8] {
        self.get(NAME)
    }

    pub(super) fn abbreviations(&self) -> &[u8] {
        self.get(".debug_abbrev")
    }

    pub(super) fn lines(&self) -> &[u8] {
        self.get(".debug_line")
    }

    pub(super) fn has_debug_info(&self) -> bool {
        !self.get(".debug_info").is_empty()
    }

    pub(super) fn dwarf(&self) -> Dwarf<Slice<'_>> {
        let load = |id: gimli::SectionId| {
            Ok::<_, std::convert::Infallible>(EndianSlice::new(self.get(id.name()), LittleEndian))
        };
        match Dwarf::load(load) {
            Ok(dwarf) => dwarf,
            Err(error) => match error {},
        }
    }

    fn get(&self, name: &str) -> &[u8] {
        self.sections.get(name).map_or(&[], Vec::as_slice)
    }
}
