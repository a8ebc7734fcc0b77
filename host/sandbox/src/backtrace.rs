//! Backtraces of guests, as text.

use std::fmt::Write as _;

use wasmtime::WasmBacktrace;

/// Renders a backtrace, innermost call first: for each frame the demangled name of the function, and on a
/// line of its own the file and line. Inlined functions have their own frames. The frames of Rust's panic
/// machinery are left out.
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

/// A function of the backtrace, inlined or not.
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

/// Whether a function lies between `panic!` and the panic hook.
fn is_panic_machinery(name: &str) -> bool {
    name.starts_with("core::panicking::") || name.contains("rust_begin_unwind")
}

/// The name in the source: without the hash that Rust's mangling appends.
fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
