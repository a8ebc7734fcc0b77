//! Guests whose debug and name sections attack the host that makes a backtrace of them.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

#[path = "support/rewrite.rs"]
mod rewrite;
mod support;

use std::time::{Duration, Instant};

use host_sandbox::Engine;
use host_sandbox::limits::{MAX_BACKTRACE_BYTES, MAX_DEBUG_BYTES};
use support::{ScriptRun, config, guest};

/// Far more than a backtrace takes, and far less than one without a budget.
const MAX_BACKTRACE_TIME: Duration = Duration::from_secs(20);

type Section = (&'static str, Vec<u8>);

/// Gives the script guest other custom sections, makes it trap, and returns the backtrace.
fn backtrace(custom: &[Section]) -> String {
    let module = rewrite::with_core(&guest("script"), |core| rewrite::with_custom_sections(core, custom));
    let module = Engine::new(config()).unwrap().load(&module).unwrap();
    let start = Instant::now();
    let fault = ScriptRun::new(&module).start("abort").unwrap_err();
    let elapsed = start.elapsed();
    assert!(fault.to_string().contains("it aborted"), "{fault}");
    assert!(elapsed < MAX_BACKTRACE_TIME, "{elapsed:?}");
    let backtrace = fault.details().to_owned();
    assert!(backtrace.len() <= MAX_BACKTRACE_BYTES + 3, "{} bytes", backtrace.len());
    backtrace
}

/// Debug sections of DWARF 4, built by hand so that they can lie.
mod dwarf {
    /// Unsigned LEB128.
    pub(super) fn uleb(value: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        wasm_encoder::Encode::encode(&value, &mut bytes);
        bytes
    }

    /// An entry of `.debug_abbrev`: code, tag, whether it has children, and attributes with their forms.
    pub(super) fn abbreviation(code: u32, tag: u32, children: bool, attributes: &[(u32, u32)]) -> Vec<u8> {
        let mut bytes = [uleb(code), uleb(tag), vec![u8::from(children)]].concat();
        for (name, form) in attributes.iter().chain([&(0, 0)]) {
            bytes.extend(uleb(*name));
            bytes.extend(uleb(*form));
        }
        bytes
    }

    /// A unit of `.debug_info` with these entries.
    pub(super) fn unit(entries: &[u8]) -> Vec<u8> {
        let rest = [&[4, 0, 0, 0, 0, 0, 4][..], entries].concat();
        [&u32::try_from(rest.len()).unwrap().to_le_bytes()[..], &rest].concat()
    }

    pub(super) const UNIT: u32 = 0x11;
    pub(super) const FUNCTION: u32 = 0x2e;
    pub(super) const INLINED: u32 = 0x1d;
    pub(super) const BLOCK: u32 = 0x0b;

    pub(super) const NAME: u32 = 0x03;
    pub(super) const LINES: u32 = 0x10;
    pub(super) const LOW: u32 = 0x11;
    pub(super) const HIGH: u32 = 0x12;
    pub(super) const ORIGIN: u32 = 0x31;
    pub(super) const RANGES: u32 = 0x55;

    pub(super) const ADDRESS: u32 = 0x01;
    pub(super) const DATA4: u32 = 0x06;
    pub(super) const TEXT: u32 = 0x08;
    pub(super) const REFERENCE: u32 = 0x13;
    pub(super) const OFFSET: u32 = 0x17;
    pub(super) const PRESENT: u32 = 0x19;

    /// From the first byte of the code to the last possible one.
    pub(super) const EVERYWHERE: [u8; 8] = [1, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f];
}

use dwarf::{abbreviation, uleb, unit};

const COVERED: [(u32, u32); 2] = [(dwarf::LOW, dwarf::ADDRESS), (dwarf::HIGH, dwarf::DATA4)];

/// A unit, a function named `outer` that covers all code, and entries inside it.
fn in_a_function(inner: &[Vec<u8>], entries: impl Fn() -> Vec<u8>) -> Vec<Section> {
    let function = [&COVERED[..], &[(dwarf::NAME, dwarf::TEXT)]].concat();
    let mut abbreviations =
        vec![abbreviation(1, dwarf::UNIT, true, &COVERED), abbreviation(2, dwarf::FUNCTION, true, &function)];
    abbreviations.extend_from_slice(inner);
    abbreviations.push(vec![0]);
    let head = [&[1][..], &dwarf::EVERYWHERE, &[2], &dwarf::EVERYWHERE, b"outer\0"].concat();
    vec![(".debug_abbrev", abbreviations.concat()), (".debug_info", unit(&[head, entries()].concat()))]
}

#[test]
fn names_come_from_debug_sections() {
    let inlined = [&COVERED[..], &[(dwarf::NAME, dwarf::TEXT)]].concat();
    let inner = [abbreviation(3, dwarf::INLINED, true, &inlined)];
    let entries = || [&[3][..], &dwarf::EVERYWHERE, b"inner\0"].concat();
    let text = backtrace(&in_a_function(&inner, entries));
    assert!(text.starts_with("  0: inner\n  1: outer\n  2: inner\n"), "{text}");
    assert!(backtrace(&[]).starts_with("  0: function "), "{}", backtrace(&[]));
}

#[test]
fn entries_are_nested_as_deep_as_they_like() {
    const DEPTH: usize = 100_000;
    let inlined = |attributes: &[(u32, u32)]| abbreviation(3, dwarf::INLINED, true, attributes);
    let covering = [inlined(&COVERED)];
    let entry = [&[3][..], &dwarf::EVERYWHERE].concat();
    let text = backtrace(&in_a_function(&covering, || entry.repeat(DEPTH)));
    assert!(text.contains(": outer\n"), "{text}");
    // A byte each: the most that fit into a module.
    let text = backtrace(&in_a_function(&[inlined(&[])], || vec![3; 30 << 20]));
    assert!(!text.contains("outer"), "the budget was used up: {text}");
    let block = [abbreviation(3, dwarf::BLOCK, true, &[])];
    let text = backtrace(&in_a_function(&block, || vec![3; DEPTH]));
    assert!(text.starts_with("  0: outer\n"), "{text}");
}

#[test]
fn entries_that_cost_more_than_they_have_bytes() {
    // An attribute of a flag has no bytes.
    let flags = vec![(0x3f, dwarf::PRESENT); 40_000];
    let many = [abbreviation(3, dwarf::BLOCK, false, &flags)];
    backtrace(&in_a_function(&many, || vec![3; 1 << 20]));
    // Every entry has the same long list of ranges.
    let ranges: Vec<u8> =
        (1..100_000_u32).flat_map(|at| [at.to_le_bytes(), (at + 1).to_le_bytes()].concat()).collect();
    let listed = [abbreviation(3, dwarf::INLINED, false, &[(dwarf::RANGES, dwarf::OFFSET)])];
    let mut sections = in_a_function(&listed, || [3, 0, 0, 0, 0].repeat(100_000));
    sections.push((".debug_ranges", ranges));
    backtrace(&sections);
    // Every unit has the same long table of abbreviations, or of lines.
    let units = unit(&[1, 1, 0, 0, 0]).repeat(100_000);
    let root = [(dwarf::LINES, dwarf::OFFSET)];
    let mut table = abbreviation(1, dwarf::UNIT, true, &root);
    (2..20_000).for_each(|code| table.extend(abbreviation(code, dwarf::BLOCK, false, &[])));
    backtrace(&[(".debug_abbrev", table), (".debug_info", units), (".debug_line", vec![0xff; 1 << 20])]);
}

/// A line table of DWARF 4 with these files, and a row for every byte of code.
fn line_table(files: &[u8], rows: usize) -> Vec<u8> {
    let header = [&[1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0][..], files, &[0]].concat();
    // DW_LNE_set_address 1, and the special opcode that advances address and line by 1.
    let program = [&[0, 5, 2, 1, 0, 0, 0][..], &vec![0x21; rows]].concat();
    let length = u32::try_from(header.len()).unwrap().to_le_bytes();
    let rest = [&[4, 0][..], &length, &header, &program].concat();
    [&u32::try_from(rest.len()).unwrap().to_le_bytes()[..], &rest].concat()
}

#[test]
fn line_tables_of_any_size() {
    let root = [&COVERED[..], &[(dwarf::LINES, dwarf::OFFSET)]].concat();
    let with_lines = |table: Vec<u8>| {
        let entries = [&[1][..], &dwarf::EVERYWHERE, &[0, 0, 0, 0]].concat();
        vec![
            (".debug_abbrev", [abbreviation(1, dwarf::UNIT, false, &root), vec![0]].concat()),
            (".debug_info", unit(&entries)),
            (".debug_line", table),
        ]
    };
    let text = backtrace(&with_lines(line_table(b"a.rs\0\0\0\0", 1 << 20)));
    assert!(text.contains("at a.rs:"), "{text}");
    let files = b"x\0\0\0\0".repeat(2 << 20);
    let text = backtrace(&with_lines(line_table(&files, 1)));
    assert!(!text.contains("at "), "{text}");
    let text = backtrace(&with_lines(line_table(&[&vec![b'p'; 200_000][..], &[0; 4]].concat(), 1 << 20)));
    assert!(text.contains("at ppp"), "{text}");
    backtrace(&with_lines(line_table(b"a.rs\0\0\0\0", 25 << 20)));
}

#[test]
fn names_of_any_length() {
    let name = vec![b'n'; 20 << 20];
    let text = backtrace(&in_a_function(&[], Vec::new).into_iter().map(long_name(&name)).collect::<Vec<_>>());
    assert!(text.contains("nnn"), "{text}");
    // References to names that refer to each other.
    let entry = [&COVERED[..], &[(dwarf::ORIGIN, dwarf::REFERENCE)]].concat();
    let circle = [abbreviation(3, dwarf::INLINED, true, &entry)];
    let text = backtrace(&in_a_function(&circle, || {
        let at: u32 = 11 + 9 + 15;
        [&[3][..], &dwarf::EVERYWHERE, &at.to_le_bytes()].concat()
    }));
    assert!(text.starts_with("  0: ?\n  1: outer\n"), "{text}");
    // The name section of the core module, with a long name for every function.
    let naming = |index: u32| [uleb(index), uleb(100_000), vec![b'm'; 100_000]].concat();
    let map = [uleb(200), (0..200).flat_map(naming).collect()].concat();
    let section = [vec![1], uleb(u32::try_from(map.len()).unwrap()), map].concat();
    let text = backtrace(&[("name", section)]);
    assert!(text.contains("mmm") || text.contains("function "), "{text}");
}

/// Gives the function another name.
fn long_name(name: &[u8]) -> impl Fn(Section) -> Section {
    move |(section, data)| match section {
        ".debug_info" => {
            let entries = &data[11..data.len() - b"outer\0".len()];
            (section, unit(&[entries, name, &[0]].concat()))
        }
        _ => (section, data),
    }
}

#[test]
fn sections_that_are_too_large_are_not_read() {
    let mut sections = in_a_function(&[], Vec::new);
    sections.push((".debug_str", vec![1; MAX_DEBUG_BYTES]));
    let text = backtrace(&sections);
    assert!(text.starts_with("  0: function "), "{text}");
}

#[test]
fn any_bytes_may_be_in_them() {
    let names = [".debug_abbrev", ".debug_info", ".debug_line", ".debug_str", ".debug_ranges", "name"];
    let mut state = 1_u64;
    for _ in 0..8 {
        let mut random = |length: usize| -> Vec<u8> {
            let next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            };
            std::iter::repeat_with(next).take(length).collect()
        };
        backtrace(&names.map(|name| (name, random(2_000))));
    }
    // Valid entries, and then anything.
    let inner = [abbreviation(3, dwarf::INLINED, true, &COVERED)];
    for length in 0..8 {
        backtrace(&in_a_function(&inner, || vec![0xff; length]));
    }
}
