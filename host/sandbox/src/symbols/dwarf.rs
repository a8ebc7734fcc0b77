//! Functions of debug sections: which ones are inlined at an address, and where they were called.
//!
//! All addresses are looked for in one pass over the entries. The nesting of entries is a number, not a stack,
//! so its depth does not matter.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use gimli::{
    Abbreviation, Abbreviations, AttributeValue, DebugInfoOffset, DebugLineOffset, EntriesRaw, Unit,
    UnitHeader, UnitOffset,
};

use super::Call;
use super::budget::{Budget, Stop};
use super::lines::{Lines, check_header, text};
use super::sections::{Sections, Slice};
use crate::limits::{MAX_ABBREVIATION_BYTES, MAX_INLINED_CALLS, MAX_UNITS};

type Dwarf<'a> = gimli::Dwarf<Slice<'a>>;
type Attribute<'a> = AttributeValue<Slice<'a>>;

/// References that the name of a function is followed through, from an inlined call to its declaration.
const MAX_NAME_HOPS: usize = 16;

/// The calls at each address, innermost first; empty where the sections have nothing.
pub(super) fn resolve(sections: &Sections, addresses: &[u64], budget: &mut Budget) -> Vec<Vec<Call>> {
    let mut calls = vec![Vec::new(); addresses.len()];
    if sections.has_debug_info() && sections.abbreviations().len() <= MAX_ABBREVIATION_BYTES {
        let dwarf = sections.dwarf();
        let search = Search::new(sections, &dwarf);
        // What was found before the budget was used up is good.
        let _ = search.run(addresses, budget, &mut calls);
    }
    calls
}

struct Search<'s, 'a> {
    sections: &'a Sections,
    dwarf: &'s Dwarf<'a>,
    units: Vec<UnitHeader<Slice<'a>>>,
    /// Units that were read, by their place in `units`.
    opened: BTreeMap<usize, Rc<Opened<'a>>>,
    /// By the offset in `.debug_abbrev`, which units may share.
    abbreviations: BTreeMap<usize, Arc<Abbreviations>>,
}

/// A compilation unit whose root entry was read.
struct Opened<'a> {
    unit: Unit<Slice<'a>>,
    lines: Option<DebugLineOffset>,
}

/// A function that covers an address, inlined or not.
#[derive(Clone, Copy, Debug)]
struct Scope<'a> {
    depth: isize,
    /// The name, or a reference to the entry that has it.
    name: Option<Attribute<'a>>,
    origin: Option<Attribute<'a>>,
    /// Where it was called, if it is inlined: file number and line.
    call: Option<(u64, u32)>,
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(sections: &'a Sections, dwarf: &'s Dwarf<'a>) -> Self {
        let (units, opened, abbreviations) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { sections, dwarf, units, opened, abbreviations }
    }

    fn run(mut self, addresses: &[u64], budget: &mut Budget, calls: &mut [Vec<Call>]) -> Result<(), Stop> {
        let mut headers = self.dwarf.units();
        while let Some(header) = headers.next()? {
            budget.spend(1)?;
            if self.units.len() == MAX_UNITS {
                return Err(Stop::Malformed);
            }
            self.units.push(header);
        }
        for number in 0..self.units.len() {
            // Damage of one unit says nothing about the others.
            match self.unit(number, addresses, budget, calls) {
                Ok(()) | Err(Stop::Malformed) => {}
                Err(Stop::Spent) => return Err(Stop::Spent),
            }
        }
        Ok(())
    }

    /// Looks for the addresses that have no calls yet.
    fn unit(
        &mut self,
        number: usize,
        addresses: &[u64],
        budget: &mut Budget,
        calls: &mut [Vec<Call>],
    ) -> Result<(), Stop> {
        let mut wanted: Vec<(u64, usize)> =
            addresses.iter().copied().zip(0..).filter(|(_, place)| calls[*place].is_empty()).collect();
        wanted.sort_unstable();
        if wanted.is_empty() {
            return Ok(());
        }
        let opened = self.open(number, budget)?;
        if !covers(self.dwarf, &opened.unit, &wanted, budget)? {
            return Ok(());
        }
        let scopes = scopes(self.dwarf, &opened.unit, &wanted, budget)?;
        let sorted: Vec<u64> = wanted.iter().map(|(address, _)| *address).collect();
        let lines = opened.lines.and_then(|at| Lines::new(self.dwarf, &opened.unit, at).ok());
        let rows = match &lines {
            Some(lines) => lines.rows(&sorted, budget)?,
            None => vec![None; sorted.len()],
        };
        for (((_, place), scopes), row) in wanted.iter().zip(scopes).zip(rows) {
            let mut at = row.map(|row| (row.file, row.line));
            for scope in scopes.iter().rev() {
                let name = self.name(number, scope, budget)?;
                calls[*place].push(Call { name, place: located(lines.as_ref(), at, budget)? });
                at = scope.call;
            }
            if scopes.is_empty() && at.is_some() {
                calls[*place].push(Call { name: None, place: located(lines.as_ref(), at, budget)? });
            }
        }
        Ok(())
    }

    fn open(&mut self, number: usize, budget: &mut Budget) -> Result<Rc<Opened<'a>>, Stop> {
        if let Some(opened) = self.opened.get(&number) {
            return Ok(Rc::clone(opened));
        }
        let header = self.units[number];
        let abbreviations = self.abbreviations(header.debug_abbrev_offset().0, budget)?;
        let lines = self.line_table(&header, &abbreviations, budget)?;
        let mut unit = Unit::new_with_abbreviations(self.dwarf, header, abbreviations)?;
        budget.spend_bytes(unit.comp_dir.map_or(0, |folder| folder.len()))?;
        budget.spend_bytes(unit.name.map_or(0, |name| name.len()))?;
        // The list of its files is large: only a unit that has one of the addresses needs it again.
        unit.line_program = None;
        let opened = Rc::new(Opened { unit, lines });
        self.opened.insert(number, Rc::clone(&opened));
        Ok(opened)
    }

    fn abbreviations(&mut self, offset: usize, budget: &mut Budget) -> Result<Arc<Abbreviations>, Stop> {
        if let Some(known) = self.abbreviations.get(&offset) {
            return Ok(Arc::clone(known));
        }
        budget.spend(self.sections.abbreviations().len().saturating_sub(offset))?;
        let parsed = self.dwarf.debug_abbrev.abbreviations(gimli::DebugAbbrevOffset(offset))?;
        let parsed = Arc::new(parsed);
        self.abbreviations.insert(offset, Arc::clone(&parsed));
        Ok(parsed)
    }

    /// The line table of a unit, once its header was found to be of a usual size.
    fn line_table(
        &self,
        header: &UnitHeader<Slice<'a>>,
        abbreviations: &Abbreviations,
        budget: &mut Budget,
    ) -> Result<Option<DebugLineOffset>, Stop> {
        let mut entries = header.entries_raw(abbreviations, None)?;
        let mut table = None;
        let Some(root) = entries.read_abbreviation()? else { return Ok(None) };
        each_attribute(&mut entries, root, budget, |name, value| {
            if name == gimli::DW_AT_stmt_list
                && let AttributeValue::DebugLineRef(offset) = value
            {
                table = Some(offset);
            }
        })?;
        if let Some(offset) = table {
            check_header(self.sections.lines(), offset, budget)?;
        }
        Ok(table)
    }

    /// The name of a function, which an inlined call has from another entry, maybe of another unit.
    fn name(&mut self, unit: usize, scope: &Scope<'a>, budget: &mut Budget) -> Result<Option<String>, Stop> {
        let (mut name, mut origin, mut unit) = (scope.name, scope.origin, unit);
        for _ in 0..MAX_NAME_HOPS {
            let opened = self.open(unit, budget)?;
            if let Some(name) = name {
                return Ok(Some(text(self.dwarf.attr_string(&opened.unit, name)?, budget)?));
            }
            let entry = match origin {
                Some(AttributeValue::UnitRef(entry)) => entry,
                Some(AttributeValue::DebugInfoRef(entry)) => {
                    let Some((other, entry)) = self.find(entry) else { return Ok(None) };
                    unit = other;
                    entry
                }
                _ => return Ok(None),
            };
            let opened = self.open(unit, budget)?;
            let mut entries = opened.unit.entries_raw(Some(entry))?;
            let Some(abbreviation) = entries.read_abbreviation()? else { return Ok(None) };
            (name, origin) = (None, None);
            let mut linkage = None;
            each_attribute(&mut entries, abbreviation, budget, |attribute, value| match attribute {
                gimli::DW_AT_linkage_name | gimli::DW_AT_MIPS_linkage_name => linkage = Some(value),
                gimli::DW_AT_name => name = Some(value),
                gimli::DW_AT_abstract_origin | gimli::DW_AT_specification => origin = Some(value),
                _ => {}
            })?;
            name = linkage.or(name);
        }
        Ok(None)
    }

    /// The unit of an entry, and the offset in it.
    fn find(&self, entry: DebugInfoOffset) -> Option<(usize, UnitOffset)> {
        let start = |header: &UnitHeader<Slice<'a>>| header.debug_info_offset().map_or(0, |offset| offset.0);
        let number = self.units.partition_point(|header| start(header) <= entry.0).checked_sub(1)?;
        Some((number, UnitOffset(entry.0 - start(&self.units[number]))))
    }
}

/// Whether a unit says that it has code at one of the addresses, or does not say where it has code.
fn covers<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Unit<Slice<'a>>,
    wanted: &[(u64, usize)],
    budget: &mut Budget,
) -> Result<bool, Stop> {
    let mut entries = unit.entries_raw(None)?;
    let Some(root) = entries.read_abbreviation()? else { return Ok(false) };
    let mut ranges = Ranges::default();
    each_attribute(&mut entries, root, budget, |name, value| ranges.take(name, value))?;
    if !ranges.is_some() {
        return Ok(true);
    }
    let mut covers = false;
    ranges.each(dwarf, unit, budget, |start, end| covers |= !within(wanted, start, end).is_empty())?;
    Ok(covers)
}

/// The functions that cover each of the addresses, outermost first.
fn scopes<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Unit<Slice<'a>>,
    wanted: &[(u64, usize)],
    budget: &mut Budget,
) -> Result<Vec<Vec<Scope<'a>>>, Stop> {
    let mut scopes: Vec<Vec<Scope<'a>>> = vec![Vec::new(); wanted.len()];
    let mut entries = unit.entries_raw(None)?;
    while !entries.is_empty() {
        budget.spend(1)?;
        let depth = entries.next_depth();
        let Some(abbreviation) = entries.read_abbreviation()? else { continue };
        let is_inlined = match abbreviation.tag() {
            gimli::DW_TAG_subprogram => false,
            gimli::DW_TAG_inlined_subroutine => true,
            _ => {
                budget.spend(abbreviation.attributes().len())?;
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
        };
        let (scope, ranges) = scope(&mut entries, abbreviation, depth, is_inlined, budget)?;
        ranges.each(dwarf, unit, budget, |start, end| {
            for place in within(wanted, start, end) {
                let around = &mut scopes[place];
                let fits = match around.last() {
                    Some(outer) => is_inlined && outer.depth < depth,
                    None => !is_inlined,
                };
                if fits && around.len() < MAX_INLINED_CALLS {
                    around.push(scope);
                }
            }
        })?;
    }
    Ok(scopes)
}

fn scope<'a>(
    entries: &mut EntriesRaw<'_, Slice<'a>>,
    abbreviation: &Abbreviation,
    depth: isize,
    is_inlined: bool,
    budget: &mut Budget,
) -> Result<(Scope<'a>, Ranges<'a>), Stop> {
    let mut ranges = Ranges::default();
    let (mut linkage, mut name, mut origin) = (None, None, None);
    let (mut file, mut line) = (None, 0);
    each_attribute(entries, abbreviation, budget, |attribute, value| match attribute {
        gimli::DW_AT_linkage_name | gimli::DW_AT_MIPS_linkage_name => linkage = Some(value),
        gimli::DW_AT_name => name = Some(value),
        gimli::DW_AT_abstract_origin | gimli::DW_AT_specification => origin = Some(value),
        gimli::DW_AT_call_file => {
            if let AttributeValue::FileIndex(index) = value {
                file = Some(index);
            }
        }
        gimli::DW_AT_call_line => {
            line = value.udata_value().map_or(0, |line| u32::try_from(line).unwrap_or(u32::MAX));
        }
        _ => ranges.take(attribute, value),
    })?;
    let call = file.filter(|_| is_inlined).map(|file| (file, line));
    Ok((Scope { depth, name: linkage.or(name), origin, call }, ranges))
}

fn located(
    lines: Option<&Lines<'_, '_>>,
    at: Option<(u64, u32)>,
    budget: &mut Budget,
) -> Result<Option<(String, u32)>, Stop> {
    let (Some(lines), Some((file, line))) = (lines, at) else { return Ok(None) };
    Ok(lines.file(file, budget)?.map(|file| (file, line)))
}

/// The positions of the addresses in a range.
fn within(wanted: &[(u64, usize)], start: u64, end: u64) -> std::ops::Range<usize> {
    let first = wanted.partition_point(|(address, _)| *address < start);
    first..wanted.partition_point(|(address, _)| *address < end).max(first)
}

/// Reads the attributes of an entry, and passes each to a function.
fn each_attribute<'a>(
    entries: &mut EntriesRaw<'_, Slice<'a>>,
    abbreviation: &Abbreviation,
    budget: &mut Budget,
    mut take: impl FnMut(gimli::DwAt, Attribute<'a>),
) -> Result<(), Stop> {
    for specification in abbreviation.attributes() {
        let before = entries.next_offset().0;
        let attribute = entries.read_attribute(*specification)?;
        // Texts and blocks are as long as they like.
        budget.spend_bytes(entries.next_offset().0 - before)?;
        take(attribute.name(), attribute.value());
    }
    Ok(())
}

/// Where an entry has code: `DW_AT_low_pc`, `DW_AT_high_pc` and `DW_AT_ranges`.
#[derive(Clone, Copy, Debug, Default)]
struct Ranges<'a> {
    low: Option<Attribute<'a>>,
    high: Option<Attribute<'a>>,
    list: Option<Attribute<'a>>,
}

impl<'a> Ranges<'a> {
    fn take(&mut self, name: gimli::DwAt, value: Attribute<'a>) {
        match name {
            gimli::DW_AT_low_pc => self.low = Some(value),
            gimli::DW_AT_high_pc => self.high = Some(value),
            gimli::DW_AT_ranges => self.list = Some(value),
            _ => {}
        }
    }

    fn is_some(&self) -> bool {
        self.list.is_some() || self.high.is_some()
    }

    fn each(
        &self,
        dwarf: &Dwarf<'a>,
        unit: &Unit<Slice<'a>>,
        budget: &mut Budget,
        mut take: impl FnMut(u64, u64),
    ) -> Result<(), Stop> {
        // The linker leaves functions that it has removed at address 0, where no code can be.
        let mut take = |start: u64, end: u64| {
            if start > 0 && start < end {
                take(start, end);
            }
        };
        if let Some(list) = self.list {
            let Some(mut ranges) = dwarf.attr_ranges(unit, list)? else { return Ok(()) };
            while let Some(raw) = ranges.next_raw()? {
                budget.spend(1)?;
                if let Some(range) = ranges.convert_raw(raw)? {
                    take(range.begin, range.end);
                }
            }
            return Ok(());
        }
        let Some(low) = self.low else { return Ok(()) };
        let (Some(start), Some(high)) = (dwarf.attr_address(unit, low)?, self.high) else { return Ok(()) };
        let end = match dwarf.attr_address(unit, high)? {
            Some(end) => end,
            None => start.wrapping_add(high.udata_value().unwrap_or(0)),
        };
        take(start, end);
        Ok(())
    }
}
