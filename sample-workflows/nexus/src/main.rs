//! A host with the Nexus operations of this sample.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::Host::new().nexus_service(nexus::payments()).main()
}
