//! Options of signals to other workflows.

use guest_sdk_types::NamedPayloads;

use crate::cancellation::WorkflowCancellationToken;
use crate::options::default_options;

default_options! {
    /// Options of a signal to another workflow.
    SignalWorkflowOptions, SignalWorkflowOptionsBuilder {
        /// The token that takes the signal back, as long as the workflow task that issued it has not
        /// completed. Default: the token of the run.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// One line that user interfaces show.
        summary, with_summary: String;
        /// Headers of the signal.
        headers, with_headers: NamedPayloads;
    }
}
