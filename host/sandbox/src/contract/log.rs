//! `workflow:host/log`

use crate::fault;
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
            (message, location)
        });
        Ok(())
    }
}
