//! A host with the activity of this sample.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::Host::new().activities(c_reminder::Reminders).main()
}
