//! Nexus operations.

use host_core::{Command, NexusCancellation, NexusStartResolution};
use host_sandbox::wit::workflow::host::{
    activation::NexusStartResolution as GuestStartResolution,
    nexus::{CancellationType, OperationOptions},
};
use host_wire::temporal::api::command::v1::ScheduleNexusOperationCommandAttributes;

use super::{failure, payload, time, user_metadata};

/// `nexus.schedule`
pub(super) fn schedule(seq: u32, options: OperationOptions) -> Command {
    let attributes = ScheduleNexusOperationCommandAttributes {
        endpoint: options.endpoint,
        service: options.service,
        operation: options.operation,
        input: options.input.map(payload::to_wire),
        schedule_to_close_timeout: options.schedule_to_close_timeout.map(time::duration_to_wire),
        nexus_header: options.headers.into_iter().collect(),
        schedule_to_start_timeout: options.schedule_to_start_timeout.map(time::duration_to_wire),
        start_to_close_timeout: options.start_to_close_timeout.map(time::duration_to_wire),
    };
    Command::ScheduleNexusOperation {
        seq,
        attributes: Box::new(attributes),
        cancellation: cancellation(options.cancellation_type),
        user_metadata: user_metadata::boxed(options.user_metadata),
    }
}

/// How the start of an operation came out, for a guest.
pub(super) fn start_resolution_to_guest(resolution: NexusStartResolution) -> GuestStartResolution {
    match resolution {
        NexusStartResolution::StartedAsync(token) => GuestStartResolution::StartedAsync(token),
        NexusStartResolution::StartedSync => GuestStartResolution::StartedSync,
        NexusStartResolution::Failed(failure) => GuestStartResolution::Failed(failure::to_guest(*failure)),
    }
}

fn cancellation(cancellation: CancellationType) -> NexusCancellation {
    match cancellation {
        CancellationType::WaitCancellationCompleted => NexusCancellation::WaitCancellationCompleted,
        CancellationType::Abandon => NexusCancellation::Abandon,
        CancellationType::TryCancel => NexusCancellation::TryCancel,
        CancellationType::WaitCancellationRequested => NexusCancellation::WaitCancellationRequested,
    }
}
