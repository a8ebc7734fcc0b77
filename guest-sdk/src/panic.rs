//! Reports panics through the contract, and then traps. It does not use standard error, because the C library
//! would keep a component handle, with which a guest has no snapshot.

/// Installs the panic hook, once.
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
        host::log::panicked(&crate::handlers::blame(message), location.as_ref());
        std::arch::wasm32::unreachable()
    }));
}

/// Does nothing: a native program has its own panic hook.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn report() {}
