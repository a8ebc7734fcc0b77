//! `workflow:host/log`

use crate::fault;
use crate::limits::MAX_PANIC_BYTES;
use crate::run::Run;
use crate::wit::workflow::host::log::{Entry, Host, Location};

impl Host for Run {
    fn write(&mut self, entry: Entry) -> wasmtime::Result<()> {
        self.log(entry)
    }

    fn panicked(&mut self, message: String, location: Option<Location>) -> wasmtime::Result<()> {
        // The first one: a panic while panicking tells less.
        self.panic.get_or_insert_with(|| {
            let location =
                location.map(|Location { file, line, column }| fault::Location { file, line, column });
            (shortened(message), location)
        });
        Ok(())
    }
}

/// The message without what is beyond the limit: it goes into history.
fn shortened(mut message: String) -> String {
    if message.len() > MAX_PANIC_BYTES {
        message.truncate(message.floor_char_boundary(MAX_PANIC_BYTES));
        message.push('…');
    }
    message
}
