//! Converts failures: a chain of boxes in the SDK, a list of links in the contract.

use std::time::Duration;

use guest_sdk_types as sdk;
use guest_sdk_types::FailureInfo as Sdk;

use crate::bindings::workflow::host::types as wit;
use crate::bindings::workflow::host::types::FailureInfo as Wit;
use crate::convert::{duration, from_payload, from_payloads, payload, payloads};

pub(crate) fn failure(failure: sdk::Failure) -> wit::Failure {
    let mut links = Vec::with_capacity(1);
    let mut next = Some(failure.converted());
    while let Some(failure) = next {
        links.push(wit::FailureLink {
            message: failure.message,
            source: failure.source,
            stack_trace: failure.stack_trace,
            encoded_attributes: failure.encoded_attributes.map(payload),
            info: info(failure.info),
        });
        next = failure.cause.filter(|_| links.len() < sdk::MAX_FAILURE_DEPTH).map(|cause| *cause);
    }
    links
}

pub(crate) fn from_failure(links: wit::Failure) -> sdk::Failure {
    let link = |cause: Option<sdk::Failure>, link: wit::FailureLink| {
        Some(sdk::Failure {
            message: link.message,
            source: link.source,
            stack_trace: link.stack_trace,
            encoded_attributes: link.encoded_attributes.map(from_payload),
            info: from_info(link.info),
            cause: cause.map(Box::new),
        })
    };
    // The contract has no empty lists.
    links.into_iter().rev().fold(None, link).unwrap_or_default().converted_back()
}

fn info(info: Sdk) -> Wit {
    match info {
        Sdk::None => Wit::None,
        Sdk::Application(failure) => Wit::Application(wit::ApplicationFailure {
            error_type: failure.error_type,
            non_retryable: failure.non_retryable,
            details: payloads(failure.details),
            next_retry_delay: failure.next_retry_delay.map(duration),
            category: match failure.category {
                sdk::ApplicationErrorCategory::Unspecified => wit::ApplicationErrorCategory::Unspecified,
                sdk::ApplicationErrorCategory::Benign => wit::ApplicationErrorCategory::Benign,
            },
        }),
        Sdk::Timeout(failure) => Wit::Timeout(wit::TimeoutFailure {
            timeout_type: timeout_type(failure.timeout_type),
            last_heartbeat_details: payloads(failure.last_heartbeat_details),
        }),
        Sdk::Canceled(failure) => Wit::Canceled(wit::CanceledFailure {
            details: payloads(failure.details),
            identity: failure.identity,
        }),
        Sdk::Terminated(identity) => Wit::Terminated(identity),
        Sdk::Server(non_retryable) => Wit::Server(non_retryable),
        Sdk::ResetWorkflow(details) => Wit::ResetWorkflow(payloads(details)),
        Sdk::Activity(failure) => Wit::Activity(wit::ActivityFailure {
            scheduled_event_id: failure.scheduled_event_id,
            started_event_id: failure.started_event_id,
            identity: failure.identity,
            activity_type: failure.activity_type,
            activity_id: failure.activity_id,
            retry_state: retry_state(failure.retry_state),
        }),
        Sdk::ChildWorkflow(failure) => Wit::ChildWorkflow(wit::ChildWorkflowFailure {
            namespace: failure.namespace,
            execution: wit::Execution { workflow_id: failure.workflow_id, run_id: failure.run_id },
            workflow_type: failure.workflow_type,
            initiated_event_id: failure.initiated_event_id,
            started_event_id: failure.started_event_id,
            retry_state: retry_state(failure.retry_state),
        }),
        Sdk::NexusOperation(failure) => Wit::NexusOperation(wit::NexusOperationFailure {
            scheduled_event_id: failure.scheduled_event_id,
            endpoint: failure.endpoint,
            service: failure.service,
            operation: failure.operation,
            operation_token: failure.operation_token,
        }),
        Sdk::NexusHandler(failure) => Wit::NexusHandler(wit::NexusHandlerFailure {
            error_type: failure.error_type,
            retry_behavior: match failure.retry_behavior {
                sdk::NexusRetryBehavior::Unspecified => wit::NexusRetryBehavior::Unspecified,
                sdk::NexusRetryBehavior::Retryable => wit::NexusRetryBehavior::Retryable,
                sdk::NexusRetryBehavior::NonRetryable => wit::NexusRetryBehavior::NonRetryable,
            },
        }),
    }
}

fn from_info(info: Wit) -> Sdk {
    match info {
        Wit::None => Sdk::None,
        Wit::Application(failure) => Sdk::Application(sdk::ApplicationFailure {
            error_type: failure.error_type,
            non_retryable: failure.non_retryable,
            details: from_payloads(failure.details),
            next_retry_delay: failure.next_retry_delay.map(Duration::from_nanos),
            category: match failure.category {
                wit::ApplicationErrorCategory::Unspecified => sdk::ApplicationErrorCategory::Unspecified,
                wit::ApplicationErrorCategory::Benign => sdk::ApplicationErrorCategory::Benign,
            },
        }),
        Wit::Timeout(failure) => Sdk::Timeout(sdk::TimeoutFailure {
            timeout_type: from_timeout_type(failure.timeout_type),
            last_heartbeat_details: from_payloads(failure.last_heartbeat_details),
        }),
        Wit::Canceled(failure) => Sdk::Canceled(sdk::CanceledFailure {
            details: from_payloads(failure.details),
            identity: failure.identity,
        }),
        Wit::Terminated(identity) => Sdk::Terminated(identity),
        Wit::Server(non_retryable) => Sdk::Server(non_retryable),
        Wit::ResetWorkflow(details) => Sdk::ResetWorkflow(from_payloads(details)),
        Wit::Activity(failure) => Sdk::Activity(sdk::ActivityFailure {
            scheduled_event_id: failure.scheduled_event_id,
            started_event_id: failure.started_event_id,
            identity: failure.identity,
            activity_type: failure.activity_type,
            activity_id: failure.activity_id,
            retry_state: from_retry_state(failure.retry_state),
        }),
        Wit::ChildWorkflow(failure) => Sdk::ChildWorkflow(sdk::ChildWorkflowFailure {
            namespace: failure.namespace,
            workflow_id: failure.execution.workflow_id,
            run_id: failure.execution.run_id,
            workflow_type: failure.workflow_type,
            initiated_event_id: failure.initiated_event_id,
            started_event_id: failure.started_event_id,
            retry_state: from_retry_state(failure.retry_state),
        }),
        Wit::NexusOperation(failure) => Sdk::NexusOperation(sdk::NexusOperationFailure {
            scheduled_event_id: failure.scheduled_event_id,
            endpoint: failure.endpoint,
            service: failure.service,
            operation: failure.operation,
            operation_token: failure.operation_token,
        }),
        Wit::NexusHandler(failure) => Sdk::NexusHandler(sdk::NexusHandlerFailure {
            error_type: failure.error_type,
            retry_behavior: match failure.retry_behavior {
                wit::NexusRetryBehavior::Unspecified => sdk::NexusRetryBehavior::Unspecified,
                wit::NexusRetryBehavior::Retryable => sdk::NexusRetryBehavior::Retryable,
                wit::NexusRetryBehavior::NonRetryable => sdk::NexusRetryBehavior::NonRetryable,
            },
        }),
    }
}

/// Defines the conversions between two enums with the same cases.
macro_rules! same_cases {
    ($to:ident, $from:ident: $name:ident { $($case:ident),* }) => {
        fn $to(value: sdk::$name) -> wit::$name {
            match value {
                $(sdk::$name::$case => wit::$name::$case,)*
            }
        }

        fn $from(value: wit::$name) -> sdk::$name {
            match value {
                $(wit::$name::$case => sdk::$name::$case,)*
            }
        }
    };
}

same_cases!(timeout_type, from_timeout_type: TimeoutType {
    Unspecified, StartToClose, ScheduleToStart, ScheduleToClose, Heartbeat
});

same_cases!(retry_state, from_retry_state: RetryState {
    Unspecified, InProgress, NonRetryableFailure, Timeout, MaximumAttemptsReached, RetryPolicyNotSet,
    InternalServerError, CancelRequested
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_come_back() {
        let details = vec![sdk::Payload::from_json("1")];
        let infos = [
            Sdk::None,
            Sdk::Terminated("me".to_owned()),
            Sdk::Server(true),
            Sdk::ResetWorkflow(details.clone()),
            Sdk::Canceled(sdk::CanceledFailure { details: details.clone(), identity: "me".to_owned() }),
            Sdk::Timeout(sdk::TimeoutFailure {
                timeout_type: sdk::TimeoutType::Heartbeat,
                last_heartbeat_details: details.clone(),
            }),
            Sdk::Activity(sdk::ActivityFailure {
                activity_type: "charge".to_owned(),
                retry_state: sdk::RetryState::MaximumAttemptsReached,
                ..Default::default()
            }),
            Sdk::ChildWorkflow(sdk::ChildWorkflowFailure { run_id: "run".to_owned(), ..Default::default() }),
            Sdk::NexusOperation(sdk::NexusOperationFailure::default()),
            Sdk::NexusHandler(sdk::NexusHandlerFailure {
                retry_behavior: sdk::NexusRetryBehavior::NonRetryable,
                ..Default::default()
            }),
        ];
        let innermost = sdk::Failure::application("Type", "message").non_retryable().build();
        let chain = infos.into_iter().fold(innermost, |cause, info| sdk::Failure {
            message: "outer".to_owned(),
            info,
            cause: Some(Box::new(cause)),
            ..Default::default()
        });
        let links = failure(chain.clone());
        assert_eq!(links.len(), 11);
        assert_eq!(from_failure(links), chain);
    }

    #[test]
    fn chains_are_cut() {
        let chain = (0..100).fold(sdk::Failure::default(), |cause, _| sdk::Failure {
            cause: Some(Box::new(cause)),
            ..Default::default()
        });
        assert_eq!(failure(chain).len(), sdk::MAX_FAILURE_DEPTH);
        assert_eq!(from_failure(Vec::new()), sdk::Failure::default());
    }
}
