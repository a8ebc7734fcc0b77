//! A host with the activities of this crate. It has every subcommand of `host`.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::Host::new().activities(starter::Kitchen).main()
}
