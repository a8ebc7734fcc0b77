//! Panics: reported through the contract, then a trap. Standard error is not touched, as what the C
//! library remembers of it would not survive restoring a guest.

/// Reports panics from now on.
#[cfg(target_family = "wasm")]
pub(crate) fn report() {
    use std::cell::Cell;

    use crate::bindings::workflow::host::log::Location;
    use crate::host;

    thread_local! {
        static IS_SET: Cell<bool> = const { Cell::new(false) };
    }
    if IS_SET.replace(true) {
        return;
    }
    std::panic::set_hook(Box::new(|info| {
        let location = info.location().map(|location| Location {
            file: location.file().to_owned(),
            line: location.line(),
            column: location.column(),
        });
        let message = info.payload_as_str().unwrap_or("a panic without a message");
        host::log::panicked(message, location.as_ref());
        std::arch::wasm32::unreachable()
    }));
}

/// Natively, panics are the business of the program.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn report() {}
