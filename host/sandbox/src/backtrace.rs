//! Backtraces of guests, as text.

use std::fmt::{self, Write as _};

use wasmtime::FrameInfo;

use crate::limits::MAX_BACKTRACE_BYTES;
use crate::symbols::{Call, Place, Symbols};

/// Bytes of a demangled name; a longer one is cut.
const MAX_NAME_BYTES: usize = 512;

/// Renders a backtrace, innermost call first: for each frame the demangled name of the function, and on a
/// line of its own the file and line. Inlined functions have their own frames. The frames of Rust's panic
/// machinery are left out, and what exceeds [`MAX_BACKTRACE_BYTES`].
pub(crate) fn render(frames: &[FrameInfo], symbols: &Symbols) -> String {
    let places: Vec<Place> = frames
        .iter()
        .map(|frame| Place {
            offset: frame.module_offset().unwrap_or_default(),
            function: frame.func_index(),
        })
        .collect();
    let mut lines = Vec::new();
    for (place, calls) in places.iter().zip(symbols.resolve(&places)) {
        if calls.is_empty() {
            lines.push(Call { name: Some(format!("function {}", place.function)), place: None });
        }
        lines.extend(
            calls.into_iter().map(|call| Call { name: call.name.map(|name| demangle(&name)), ..call }),
        );
    }
    text(&lines)
}

fn text(calls: &[Call]) -> String {
    let name = |call: &Call| call.name.clone().unwrap_or_else(|| "?".to_owned());
    let panic = calls.iter().rposition(|call| is_panic_machinery(&name(call)));
    let mut text = Limited { text: String::new(), limit: MAX_BACKTRACE_BYTES };
    for (number, call) in calls[panic.map_or(0, |last| last + 1)..].iter().enumerate() {
        let place = match &call.place {
            Some((file, line)) => format!("\n       at {file}:{line}"),
            None => String::new(),
        };
        if writeln!(text, "{number:>3}: {}{place}", name(call)).is_err() {
            break;
        }
    }
    text.text
}

/// Whether a function lies between `panic!` and the panic hook.
fn is_panic_machinery(name: &str) -> bool {
    name.starts_with("core::panicking::") || name.contains("rust_begin_unwind")
}

/// The name in the source: without the hash that Rust's mangling appends.
fn demangle(name: &str) -> String {
    let mut demangled = Limited { text: String::new(), limit: MAX_NAME_BYTES };
    // Too long a name is cut. A mangled name can be much longer once it is demangled.
    let _ = write!(demangled, "{:#}", rustc_demangle::demangle(name));
    demangled.text
}

/// A text that takes no more than a number of bytes, and then ends with an ellipsis.
struct Limited {
    text: String,
    limit: usize,
}

impl fmt::Write for Limited {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = self.limit.saturating_sub(self.text.len());
        if more.len() <= room {
            self.text.push_str(more);
            return Ok(());
        }
        self.text.push_str(&more[..more.floor_char_boundary(room)]);
        if !self.text.ends_with('…') {
            self.text.push('…');
        }
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, place: Option<(&str, u32)>) -> Call {
        Call { name: Some(demangle(name)), place: place.map(|(file, line)| (file.to_owned(), line)) }
    }

    #[test]
    fn panics_begin_where_the_workflow_panicked() {
        let calls = [
            call("rust_begin_unwind", None),
            call("core::panicking::panic_fmt", Some(("panicking.rs", 7))),
            call("_ZN6script6attack5inner17h0123456789abcdefE", Some(("/src/attack.rs", 12))),
            Call::default(),
        ];
        assert_eq!(text(&calls), "  0: script::attack::inner\n       at /src/attack.rs:12\n  1: ?\n");
    }

    #[test]
    fn long_names_and_long_backtraces_are_cut() {
        let name = demangle(&"ä".repeat(3_000));
        assert!(name.len() <= MAX_NAME_BYTES + '…'.len_utf8() && name.ends_with('…'), "{name}");
        let all = text(&vec![call(&"n".repeat(3_000), Some(("f", 1))); 64]);
        assert!(all.len() <= MAX_BACKTRACE_BYTES + '…'.len_utf8() && all.ends_with('…'), "{}", all.len());
    }

    #[test]
    fn names_that_grow_when_they_are_demangled_are_cut() {
        // Each level of a v0 name refers back to the one before twice.
        let mut mangled = "_RIC1aTjj".to_owned();
        for _ in 0..24 {
            mangled.push_str("TB7_B7_E");
        }
        mangled.push('E');
        assert!(demangle(&mangled).len() <= MAX_NAME_BYTES + '…'.len_utf8());
    }
}
