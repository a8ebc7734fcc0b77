//! Backtraces of guests, as text for people.

use std::fmt::Write as _;

use wasmtime::WasmBacktrace;

/// One frame a line: the function's name, demangled, and where in its source it was. Functions that
/// were inlined have frames of their own. Rust's panic machinery is left out.
pub(crate) fn render(backtrace: &WasmBacktrace) -> String {
    let lines = lines(backtrace);
    let panic = lines.iter().rposition(|line| is_panic_machinery(&line.name));
    let mut text = String::new();
    for (number, Line { name, place }) in lines[panic.map_or(0, |last| last + 1)..].iter().enumerate() {
        // Writing to a string does not fail.
        let _ = write!(text, "{number:>3}: {name}");
        if let Some((file, line)) = place {
            let _ = write!(text, "\n       at {file}:{line}");
        }
        text.push('\n');
    }
    text
}

/// A call, inlined or not.
struct Line<'a> {
    name: String,
    /// File and line.
    place: Option<(&'a str, u32)>,
}

fn lines(backtrace: &WasmBacktrace) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for frame in backtrace.frames() {
        let function = frame.func_name().unwrap_or("?");
        if frame.symbols().is_empty() {
            lines.push(Line { name: demangle(function), place: None });
        }
        lines.extend(frame.symbols().iter().map(|symbol| Line {
            name: demangle(symbol.name().unwrap_or(function)),
            place: symbol.file().map(|file| (file, symbol.line().unwrap_or(0))),
        }));
    }
    lines
}

/// What lies between `panic!` and the panic hook.
fn is_panic_machinery(name: &str) -> bool {
    name.starts_with("core::panicking::") || name.contains("rust_begin_unwind")
}

/// The name as in the source: without the hash that Rust's mangling appends.
fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
