//! Overlap policies, in the protocol's spelling.

use clap::{Args, ValueEnum};
use host_wire::temporal::api::enums::v1::ScheduleOverlapPolicy;

/// What happens to an action while a workflow of the schedule runs.
#[derive(ValueEnum, Clone, Copy, Debug, Default)]
#[value(rename_all = "PascalCase")]
enum Overlap {
    #[default]
    Skip,
    BufferOne,
    BufferAll,
    CancelOther,
    TerminateOther,
    AllowAll,
}

/// Names an overlap policy.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct OverlapArgs {
    /// What happens to an action while a workflow of the schedule runs.
    #[arg(
        long,
        value_name = "POLICY",
        ignore_case = true,
        default_value = "Skip",
        hide_default_value = true
    )]
    overlap_policy: Overlap,
}

impl OverlapArgs {
    pub(super) fn policy(self) -> ScheduleOverlapPolicy {
        self.overlap_policy.into()
    }
}

impl From<Overlap> for ScheduleOverlapPolicy {
    fn from(policy: Overlap) -> Self {
        match policy {
            Overlap::Skip => Self::Skip,
            Overlap::BufferOne => Self::BufferOne,
            Overlap::BufferAll => Self::BufferAll,
            Overlap::CancelOther => Self::CancelOther,
            Overlap::TerminateOther => Self::TerminateOther,
            Overlap::AllowAll => Self::AllowAll,
        }
    }
}

/// The name of a policy.
pub(super) fn name(policy: ScheduleOverlapPolicy) -> String {
    let name = policy.as_str_name().trim_start_matches("SCHEDULE_OVERLAP_POLICY_");
    heck::ToUpperCamelCase::to_upper_camel_case(name)
}
