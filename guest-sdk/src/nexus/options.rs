//! Options of Nexus operations.

use std::time::Duration;

use guest_sdk_types::Payload;

use crate::bindings::workflow::host::nexus as wit;
pub use crate::bindings::workflow::host::nexus::CancellationType as NexusOperationCancellationType;
use crate::cancellation::WorkflowCancellationToken;
use crate::convert::{duration, payload, user_metadata};
use crate::options::options;

/// Names an operation of a Nexus service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NexusOperation {
    /// The Nexus endpoint, as it is registered at the Temporal Service.
    pub endpoint: String,
    /// The Nexus service behind the endpoint.
    pub service: String,
    /// The operation of that service.
    pub operation: String,
}

options! {
    /// Options of a Nexus operation.
    NexusOperationOptions, NexusOperationOptionsBuilder { operation: NexusOperation } {
        /// From scheduling to the end of the operation. Default: no limit.
        schedule_to_close_timeout, with_schedule_to_close_timeout: Duration;
        /// From scheduling to the start of the operation. Default: no limit.
        schedule_to_start_timeout, with_schedule_to_start_timeout: Duration;
        /// From the start to the end of an operation that started asynchronously. Default: no limit.
        start_to_close_timeout, with_start_to_close_timeout: Duration;
        /// When the futures of a cancelled operation resolve. Default: `WaitCancellationCompleted`, when the
        /// operation has ended.
        cancellation_type, with_cancellation_type: NexusOperationCancellationType;
        /// The token that cancels the operation. Default: the token of the run.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// Headers of the Nexus request.
        headers, with_headers: std::collections::BTreeMap<String, String>;
        /// One line that user interfaces show.
        summary, with_summary: String;
    }
}

impl NexusOperationOptions {
    /// Options of `operation`, with nothing else set.
    pub fn new(operation: NexusOperation) -> Self {
        Self::of(operation)
    }

    /// A builder of options of `operation`.
    pub fn builder(operation: NexusOperation) -> NexusOperationOptionsBuilder {
        NexusOperationOptionsBuilder(Self::of(operation))
    }

    pub(super) fn into_command(self, input: Payload) -> wit::OperationOptions {
        wit::OperationOptions {
            endpoint: self.operation.endpoint,
            service: self.operation.service,
            operation: self.operation.operation,
            input: Some(payload(input)),
            schedule_to_close_timeout: self.schedule_to_close_timeout.map(duration),
            schedule_to_start_timeout: self.schedule_to_start_timeout.map(duration),
            start_to_close_timeout: self.start_to_close_timeout.map(duration),
            headers: self.headers.unwrap_or_default().into_iter().collect(),
            cancellation_type: self
                .cancellation_type
                .unwrap_or(NexusOperationCancellationType::WaitCancellationCompleted),
            user_metadata: user_metadata(self.summary, None),
        }
    }
}
