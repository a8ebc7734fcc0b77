//! Backtraces of guests: as calls, and as text.

use std::fmt::{self, Write as _};

use wasmtime::{FrameInfo, WasmBacktrace};

use crate::limits::MAX_BACKTRACE_BYTES;
use crate::symbols::{Call, Place, Symbols};

/// Bytes of a demangled name; a longer one is cut.
const MAX_NAME_BYTES: usize = 512;
/// Where Rust and Cargo keep the sources of dependencies; the last is that of the SDK as a folder beside the workflow.
const DEPENDENCY_FOLDERS: [&str; 5] =
    ["/rustc/", "/rustlib/", "/registry/src/", "/git/checkouts/", "guest-sdk/src/"];
/// Crates of which a workflow's calls are made, wherever their sources are.
const DEPENDENCIES: [&str; 4] = ["guest_sdk", "core", "alloc", "std"];
/// Parts of the names of functions that the SDK's macros write.
const GENERATED: [&str; 2] = [" as guest_sdk::", "__private"];

/// A call of a function in a guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The demangled name of the function; `None` if the module has none for it.
    pub function: Option<String>,
    /// The file, as it was passed to the compiler, and the line, from 1.
    pub place: Option<(String, u32)>,
}

impl Frame {
    /// Of the calls that led to an import of the contract, the innermost of a function that the author of the workflow
    /// wrote: neither the binding of the import, nor of the SDK, the standard library or another dependency. `None` if
    /// no call has a file and line.
    #[must_use]
    pub fn of_author(frames: &[Self]) -> Option<&Self> {
        let mut with_place = frames.iter().filter(|frame| frame.place.is_some());
        // Generated bindings are several calls, all at the line of the macro that generates them.
        let binding = with_place.clone().next()?;
        let mut callers = with_place.clone().skip_while(|frame| frame.place == binding.place);
        callers
            .clone()
            .find(|frame| frame.is_of_author())
            .or_else(|| callers.next())
            .or_else(|| with_place.next())
    }

    /// Of the calls that led to an import of the contract, those of functions that the author of the workflow wrote. All
    /// calls if none of them has a file and line.
    pub fn of_authors(frames: &[Self]) -> impl Iterator<Item = &Self> {
        let binding = frames.iter().find_map(|frame| frame.place.as_ref());
        let is_known = move |frame: &&Self| frame.is_of_author() && frame.place.as_ref() != binding;
        let none = !frames.iter().any(|frame| is_known(&frame));
        frames.iter().filter(move |frame| none || is_known(frame))
    }

    /// Whether the author of the workflow wrote the function, as far as its file and name tell.
    #[must_use]
    pub fn is_of_author(&self) -> bool {
        let Some((file, _)) = &self.place else { return false };
        // Inlined functions have names without a path.
        let function = self.function.as_deref().unwrap_or_default();
        !GENERATED.iter().any(|part| function.contains(part))
            && !DEPENDENCY_FOLDERS.iter().any(|folder| file.contains(folder))
            && !DEPENDENCIES.iter().any(|name| crate_of(function) == *name)
    }
}

/// The crate in a demangled name: `<a::B as core::C>::d` is of `a`.
fn crate_of(function: &str) -> &str {
    let name = function.trim_start_matches(['<', '&', '*', '(', '[']);
    let name = name.strip_prefix("mut ").unwrap_or(name);
    name.split("::").next().unwrap_or_default()
}

/// Renders the backtrace of an error, innermost call first: for each frame the demangled name of the function, and on a
/// line of its own the file and line. Inlined functions have their own frames. The frames of Rust's panic
/// machinery are left out, and what exceeds [`MAX_BACKTRACE_BYTES`].
pub(crate) fn render(error: &wasmtime::Error, symbols: &Symbols) -> String {
    text(&frames(error, symbols))
}

/// The backtrace of an error, innermost call first. Inlined functions have their own frames.
pub(crate) fn frames(error: &wasmtime::Error, symbols: &Symbols) -> Vec<Frame> {
    let frames: &[FrameInfo] = error.downcast_ref().map_or(&[], WasmBacktrace::frames);
    let places: Vec<Place> = frames
        .iter()
        .map(|frame| Place {
            offset: frame.module_offset().unwrap_or_default(),
            function: frame.func_index(),
        })
        .collect();
    let mut resolved = Vec::new();
    for (place, calls) in places.iter().zip(symbols.resolve(&places)) {
        if calls.is_empty() {
            resolved.push(Frame { function: Some(format!("function {}", place.function)), place: None });
        }
        resolved.extend(
            calls
                .into_iter()
                .map(|Call { name, place }| Frame { function: name.map(|name| demangle(&name)), place }),
        );
    }
    resolved
}

fn text(calls: &[Frame]) -> String {
    let name = |call: &Frame| call.function.clone().unwrap_or_else(|| "?".to_owned());
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

    fn call(name: &str, place: Option<(&str, u32)>) -> Frame {
        Frame { function: Some(demangle(name)), place: place.map(|(file, line)| (file.to_owned(), line)) }
    }

    #[test]
    fn panics_begin_where_the_workflow_panicked() {
        let calls = [
            call("rust_begin_unwind", None),
            call("core::panicking::panic_fmt", Some(("panicking.rs", 7))),
            call("_ZN6script6attack5inner17h0123456789abcdefE", Some(("/src/attack.rs", 12))),
            Frame::default(),
        ];
        assert_eq!(text(&calls), "  0: script::attack::inner\n       at /src/attack.rs:12\n  1: ?\n");
    }

    #[test]
    fn the_authors_call_is_that_outside_of_dependencies() {
        let check = |frames: &[(&str, Option<&str>)], expected: Option<&str>| {
            let frames: Vec<_> =
                frames.iter().map(|(name, file)| call(name, file.map(|file| (file, 7)))).collect();
            let found = Frame::of_author(&frames).and_then(|frame| frame.function.as_deref());
            assert_eq!(found, expected, "{frames:?}");
        };
        let binding = ("start_timer", Some("/s/bindings.rs"));
        let sdk = ("guest_sdk::timers::start", Some("/s/timers.rs"));
        let inlined = ("timer", Some("/s/guest-sdk/src/context.rs"));
        let poll = ("<core::pin::Pin<P> as Future>::poll", Some("/rustc/1/library/core/src/pin.rs"));
        let join = ("<&mut futures_util::Join as Future>::poll", Some("/c/registry/src/i/futures/join.rs"));
        let own = ("<orders::Orders>::run::{closure#0}", Some("src/lib.rs"));
        let import = ("import", binding.1);
        check(&[import, binding, sdk, inlined, poll, join, own, sdk], Some(own.0));
        check(&[("without_symbols", None), own], Some(own.0));
        check(&[own], Some(own.0));
        check(&[binding, sdk, poll], Some(sdk.0));
        check(&[("without_symbols", None)], None);
        check(&[], None);
    }

    #[test]
    fn the_authors_calls_are_those_outside_of_dependencies() {
        let frame = |name: &str, line| call(name, Some(("src/lib.rs", line)));
        let binding = call("start_timer", Some(("/s/bindings.rs", 7)));
        let sdk = call("guest_sdk::timers::start", Some(("/s/timers.rs", 7)));
        let generated =
            frame("<orders::Orders as guest_sdk::workflow::WorkflowImplementation>::run::{closure#0}", 3);
        let (inner, outer) =
            (frame("orders::pause::{closure#0}", 9), frame("<orders::Orders>::run::{closure#0}", 5));
        let all = [binding.clone(), sdk.clone(), inner.clone(), outer.clone(), generated];
        assert_eq!(Frame::of_authors(&all).collect::<Vec<_>>(), [&inner, &outer]);
        let foreign = [binding.clone(), sdk.clone()];
        assert_eq!(Frame::of_authors(&foreign).collect::<Vec<_>>(), [&binding, &sdk]);
        assert_eq!(Frame::of_authors(&[]).count(), 0);
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
