//! `workflow:host/log`

use crate::advice::advised;
use crate::fault;
use crate::limits::{MAX_PANIC_BYTES, MAX_PATH_BYTES};
use crate::store_data::StoreData;
use crate::wit::workflow::host::log::{Entry, Host, Location};

impl Host for StoreData {
    fn write(&mut self, entry: Entry) -> wasmtime::Result<()> {
        self.log(entry)
    }

    fn panicked(&mut self, message: String, location: Option<Location>) -> wasmtime::Result<()> {
        // A second panic, in a destructor or in the message of the first, is ignored.
        self.panic.get_or_insert_with(|| {
            let location = location.map(|Location { file, line, column }| fault::Location {
                file: shortened(file, MAX_PATH_BYTES),
                line,
                column,
            });
            (advised(shortened(message, MAX_PANIC_BYTES)), location)
        });
        Ok(())
    }
}

/// Cuts a text, because it becomes a part of the history.
fn shortened(mut text: String, limit_bytes: usize) -> String {
    if text.len() > limit_bytes {
        text.truncate(text.floor_char_boundary(limit_bytes));
        text.push('…');
    }
    text
}
