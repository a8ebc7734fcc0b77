//! Backtraces of guests, as text for people.

use std::fmt::Write as _;

use wasmtime::WasmBacktrace;

/// One frame a line: the function's name, demangled, and where in its source it was. Functions that
/// were inlined have frames of their own.
pub(crate) fn render(backtrace: &WasmBacktrace) -> String {
    let mut text = String::new();
    let mut number = 0;
    for frame in backtrace.frames() {
        if frame.symbols().is_empty() {
            line(&mut text, &mut number, frame.func_name().unwrap_or("?"), None);
        }
        for symbol in frame.symbols() {
            let name = symbol.name().or(frame.func_name()).unwrap_or("?");
            let place = symbol.file().map(|file| (file, symbol.line().unwrap_or(0)));
            line(&mut text, &mut number, name, place);
        }
    }
    text
}

fn line(text: &mut String, number: &mut u32, name: &str, place: Option<(&str, u32)>) {
    let name = demangle(name);
    // Writing to a string does not fail.
    let _ = write!(text, "{number:>3}: {name}");
    if let Some((file, line)) = place {
        let _ = write!(text, "\n       at {file}:{line}");
    }
    text.push('\n');
    *number += 1;
}

/// The name as in the source: without the hash that Rust's legacy mangling appends.
fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
