//! A host without native activities.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::Host::new().main()
}
