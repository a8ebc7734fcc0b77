//! Files and lines of the line table of one compilation unit.

use gimli::{AttributeValue, DebugLineOffset, FileEntry, IncompleteLineProgram, Unit};

use super::budget::{Budget, Stop};
use super::names::shortened;
use super::sections::Slice;
use crate::limits::{MAX_LINE_HEADER_BYTES, MAX_SYMBOL_BYTES};

type Dwarf<'a> = gimli::Dwarf<Slice<'a>>;

/// The number of a file in its line table, and a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) file: u64,
    pub(super) line: u32,
}

/// The line table of a unit.
pub(super) struct Lines<'u, 'a> {
    dwarf: &'u Dwarf<'a>,
    unit: &'u Unit<Slice<'a>>,
    program: IncompleteLineProgram<Slice<'a>>,
}

/// Refuses a line table whose header is larger than [`MAX_LINE_HEADER_BYTES`], before gimli makes lists of the
/// files in it. `section` is the whole `.debug_line`.
pub(super) fn check_header(section: &[u8], offset: DebugLineOffset, budget: &mut Budget) -> Result<(), Stop> {
    let bytes = header_bytes(section.get(offset.0..).unwrap_or_default()).ok_or(Stop::Malformed)?;
    if bytes > MAX_LINE_HEADER_BYTES {
        return Err(Stop::Malformed);
    }
    budget.spend(bytes)
}

/// `header_length` of DWARF 5, section 6.2.4: bytes of the header behind this field.
fn header_bytes(table: &[u8]) -> Option<usize> {
    const IS_64_BIT: [u8; 4] = [0xff; 4];
    let (length, rest) = table.split_first_chunk::<4>()?;
    let is_64_bit = *length == IS_64_BIT;
    let rest = if is_64_bit { rest.get(8..)? } else { rest };
    let (version, rest) = rest.split_first_chunk::<2>()?;
    // DWARF 5 has the sizes of addresses and segment selectors here.
    let rest = if u16::from_le_bytes(*version) >= 5 { rest.get(2..)? } else { rest };
    if is_64_bit {
        usize::try_from(u64::from_le_bytes(*rest.first_chunk()?)).ok()
    } else {
        usize::try_from(u32::from_le_bytes(*rest.first_chunk()?)).ok()
    }
}

impl<'u, 'a> Lines<'u, 'a> {
    /// Takes a program whose header [`check_header`] has checked.
    pub(super) fn new(
        dwarf: &'u Dwarf<'a>,
        unit: &'u Unit<Slice<'a>>,
        offset: DebugLineOffset,
    ) -> Result<Self, Stop> {
        let size = unit.header.address_size();
        let program = dwarf.debug_line.program(offset, size, unit.comp_dir, unit.name)?;
        Ok(Self { dwarf, unit, program })
    }

    /// The row of each address. The addresses are sorted.
    pub(super) fn rows(&self, addresses: &[u64], budget: &mut Budget) -> Result<Vec<Option<Row>>, Stop> {
        let mut found = vec![None; addresses.len()];
        budget.spend(self.program.header().raw_program_buf().len())?;
        let mut rows = self.program.clone().rows();
        // The row before, which covers the addresses up to the next one.
        let mut before: Option<(u64, Row)> = None;
        while let Some((header, row)) = rows.next_row()? {
            budget.spend(1)?;
            let _ = header;
            if let Some((start, covered)) = before {
                let first = addresses.partition_point(|address| *address < start);
                let last = addresses.partition_point(|address| *address < row.address());
                for place in found.get_mut(first..last).unwrap_or_default() {
                    *place = Some(covered);
                }
            }
            let line = row.line().map_or(0, |line| u32::try_from(line.get()).unwrap_or(u32::MAX));
            before = (!row.end_sequence()).then(|| (row.address(), Row { file: row.file_index(), line }));
        }
        Ok(found)
    }

    /// The path of a file, at most [`MAX_SYMBOL_BYTES`] of it.
    pub(super) fn file(&self, number: u64, budget: &mut Budget) -> Result<Option<String>, Stop> {
        let header = self.program.header();
        let Some(file) = header.file(number) else { return Ok(None) };
        let mut path = String::new();
        if let Some(folder) = self.unit.comp_dir {
            push(&mut path, &text(folder, budget)?);
        }
        // Index 0 is the folder of the compilation.
        if let Some(folder) = directory(file, header)
            && file.directory_index() != 0
        {
            push(&mut path, &self.attribute(folder, budget)?);
        }
        push(&mut path, &self.attribute(file.path_name(), budget)?);
        Ok(Some(shortened(&path)))
    }

    fn attribute(&self, value: AttributeValue<Slice<'a>>, budget: &mut Budget) -> Result<String, Stop> {
        text(self.dwarf.attr_string(self.unit, value)?, budget)
    }
}

fn directory<'a>(
    file: &FileEntry<Slice<'a>>,
    header: &gimli::LineProgramHeader<Slice<'a>>,
) -> Option<AttributeValue<Slice<'a>>> {
    file.directory(header)
}

/// A text of a section, at most [`MAX_SYMBOL_BYTES`] of it. Its length is paid for, because gimli has looked for
/// its end.
pub(super) fn text(slice: Slice<'_>, budget: &mut Budget) -> Result<String, Stop> {
    let bytes = slice.slice();
    budget.spend_bytes(bytes.len())?;
    let head = &bytes[..bytes.len().min(MAX_SYMBOL_BYTES)];
    Ok(String::from_utf8_lossy(head).into_owned())
}

/// Appends a path, or replaces by it if it is absolute.
fn push(path: &mut String, next: &str) {
    if next.starts_with('/') {
        path.clear();
    } else if !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(next);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_headers() {
        let narrow = |version: u8, rest: &[u8]| [&[9, 0, 0, 0, version, 0][..], rest].concat();
        let wide =
            |version: u8, rest: &[u8]| [&[0xff; 4][..], &[9, 0, 0, 0, 0, 0, 0, 0, version, 0], rest].concat();
        for (table, expected) in [
            (narrow(4, &[7, 1, 0, 0]), Some(0x107)),
            (narrow(5, &[4, 0, 7, 1, 0, 0]), Some(0x107)),
            (narrow(4, &[7, 1, 0]), None),
            (wide(4, &[7, 1, 0, 0, 0, 0, 0, 0]), Some(0x107)),
            (wide(5, &[4, 0, 7, 1, 0, 0, 0, 0, 0, 0]), Some(0x107)),
            (wide(5, &[4, 0, 7, 1, 0, 0, 0, 0, 0]), None),
            (Vec::new(), None),
        ] {
            assert_eq!(header_bytes(&table), expected, "{table:?}");
        }
    }

    #[test]
    fn paths() {
        let joined = |parts: &[&str]| {
            let mut path = String::new();
            parts.iter().for_each(|part| push(&mut path, part));
            path
        };
        assert_eq!(joined(&["/workspace", "src", "lib.rs"]), "/workspace/src/lib.rs");
        assert_eq!(joined(&["/workspace/", "/cargo/x", "lib.rs"]), "/cargo/x/lib.rs");
        assert_eq!(joined(&["", "lib.rs"]), "lib.rs");
    }
}
