//! `workflow:host/log`

use crate::fault;
use crate::limits::MAX_PANIC_BYTES;
use crate::store_data::StoreData;
use crate::wit::workflow::host::log::{Entry, Host, Location};

impl Host for StoreData {
    fn write(&mut self, entry: Entry) -> wasmtime::Result<()> {
        self.log(entry)
    }

    fn panicked(&mut self, message: String, location: Option<Location>) -> wasmtime::Result<()> {
        // A second panic, in a destructor or in the message of the first, is ignored.
        self.panic.get_or_insert_with(|| {
            let location =
                location.map(|Location { file, line, column }| fault::Location { file, line, column });
            (shortened(message), location)
        });
        Ok(())
    }
}

/// Cuts the message at [`MAX_PANIC_BYTES`], because it becomes a part of the history.
fn shortened(mut message: String) -> String {
    if message.len() > MAX_PANIC_BYTES {
        message.truncate(message.floor_char_boundary(MAX_PANIC_BYTES));
        message.push('…');
    }
    message
}
