//! Our side of the service benchmark: a host, as users write theirs, with the activity of the guest.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::Host::new().activities(bench_guest::Echo).main()
}
