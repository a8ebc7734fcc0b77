//! A host with the activities of the probes.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::Host::new()
        .activities(probes::CrowdActivities)
        .activities(probes::HeldActivities)
        .activities(probes::LocalWork)
        .activities(probes::OutsideActivities)
        .activities(probes::Scales)
        .activities(probes::SizeActivities)
        .nexus_service(probes::handlers())
        .main()
}
