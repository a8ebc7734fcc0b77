//! A host with the activities of this sample.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::Host::new().activities(context_propagation::ShopActivities).main()
}
