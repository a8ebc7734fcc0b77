//! Failures between `guest-sdk-types` and the protocol: every kind, with encoded attributes and
//! causes. Chains are cut at [`types::MAX_FAILURE_DEPTH`].

use guest_sdk_types as types;

use crate::{
    payload::{payloads_from_proto, payloads_to_proto},
    temporal::api::{
        common::v1::{ActivityType, WorkflowExecution, WorkflowType},
        enums::v1::{ApplicationErrorCategory, NexusHandlerErrorRetryBehavior, RetryState, TimeoutType},
        failure::v1::{
            ActivityFailureInfo, ApplicationFailureInfo, CanceledFailureInfo,
            ChildWorkflowExecutionFailureInfo, Failure, NexusHandlerFailureInfo, NexusOperationFailureInfo,
            ResetWorkflowFailureInfo, ServerFailureInfo, TerminatedFailureInfo, TimeoutFailureInfo,
            failure::FailureInfo,
        },
    },
    time::{duration_from_proto, duration_to_proto},
};

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        to_proto(failure, types::MAX_FAILURE_DEPTH)
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        from_proto(failure, types::MAX_FAILURE_DEPTH)
    }
}

/// `depth` is the number of links that may still be converted, this one included.
fn to_proto(failure: types::Failure, depth: usize) -> Failure {
    let cause = failure.cause.filter(|_| depth > 1);
    Failure {
        message: failure.message,
        source: failure.source,
        stack_trace: failure.stack_trace,
        encoded_attributes: failure.encoded_attributes.map(Into::into),
        cause: cause.map(|cause| Box::new(to_proto(*cause, depth - 1))),
        failure_info: info_to_proto(failure.info),
    }
}

fn from_proto(failure: Failure, depth: usize) -> types::Failure {
    let cause = failure.cause.filter(|_| depth > 1);
    types::Failure {
        message: failure.message,
        source: failure.source,
        stack_trace: failure.stack_trace,
        encoded_attributes: failure.encoded_attributes.map(Into::into),
        cause: cause.map(|cause| Box::new(from_proto(*cause, depth - 1))),
        info: failure.failure_info.map(info_from_proto).unwrap_or_default(),
    }
}

fn info_to_proto(info: types::FailureInfo) -> Option<FailureInfo> {
    Some(match info {
        types::FailureInfo::None => return None,
        types::FailureInfo::Application(info) => {
            FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
                r#type: info.error_type,
                non_retryable: info.non_retryable,
                details: payloads_to_proto(info.details),
                next_retry_delay: info.next_retry_delay.map(duration_to_proto),
                category: ApplicationErrorCategory::from(info.category).into(),
            })
        }
        types::FailureInfo::Timeout(info) => FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: TimeoutType::from(info.timeout_type).into(),
            last_heartbeat_details: payloads_to_proto(info.last_heartbeat_details),
        }),
        types::FailureInfo::Canceled(info) => FailureInfo::CanceledFailureInfo(CanceledFailureInfo {
            details: payloads_to_proto(info.details),
            identity: info.identity,
        }),
        types::FailureInfo::Terminated(identity) => {
            FailureInfo::TerminatedFailureInfo(TerminatedFailureInfo { identity })
        }
        types::FailureInfo::Server(non_retryable) => {
            FailureInfo::ServerFailureInfo(ServerFailureInfo { non_retryable })
        }
        types::FailureInfo::ResetWorkflow(details) => {
            FailureInfo::ResetWorkflowFailureInfo(ResetWorkflowFailureInfo {
                last_heartbeat_details: payloads_to_proto(details),
            })
        }
        types::FailureInfo::Activity(info) => FailureInfo::ActivityFailureInfo(activity_to_proto(info)),
        types::FailureInfo::ChildWorkflow(info) => {
            FailureInfo::ChildWorkflowExecutionFailureInfo(child_to_proto(info))
        }
        types::FailureInfo::NexusOperation(info) => {
            FailureInfo::NexusOperationExecutionFailureInfo(NexusOperationFailureInfo {
                scheduled_event_id: info.scheduled_event_id,
                endpoint: info.endpoint,
                service: info.service,
                operation: info.operation,
                operation_token: info.operation_token,
                ..NexusOperationFailureInfo::default()
            })
        }
        types::FailureInfo::NexusHandler(info) => {
            FailureInfo::NexusHandlerFailureInfo(NexusHandlerFailureInfo {
                r#type: info.error_type,
                retry_behavior: NexusHandlerErrorRetryBehavior::from(info.retry_behavior).into(),
            })
        }
    })
}

fn info_from_proto(info: FailureInfo) -> types::FailureInfo {
    match info {
        FailureInfo::ApplicationFailureInfo(info) => {
            types::FailureInfo::Application(types::ApplicationFailure {
                category: info.category().into(),
                error_type: info.r#type,
                non_retryable: info.non_retryable,
                details: payloads_from_proto(info.details),
                next_retry_delay: info.next_retry_delay.map(duration_from_proto),
            })
        }
        FailureInfo::TimeoutFailureInfo(info) => types::FailureInfo::Timeout(types::TimeoutFailure {
            timeout_type: info.timeout_type().into(),
            last_heartbeat_details: payloads_from_proto(info.last_heartbeat_details),
        }),
        FailureInfo::CanceledFailureInfo(info) => types::FailureInfo::Canceled(types::CanceledFailure {
            details: payloads_from_proto(info.details),
            identity: info.identity,
        }),
        FailureInfo::TerminatedFailureInfo(info) => types::FailureInfo::Terminated(info.identity),
        FailureInfo::ServerFailureInfo(info) => types::FailureInfo::Server(info.non_retryable),
        FailureInfo::ResetWorkflowFailureInfo(info) => {
            types::FailureInfo::ResetWorkflow(payloads_from_proto(info.last_heartbeat_details))
        }
        FailureInfo::ActivityFailureInfo(info) => types::FailureInfo::Activity(activity_from_proto(info)),
        FailureInfo::ChildWorkflowExecutionFailureInfo(info) => {
            types::FailureInfo::ChildWorkflow(child_from_proto(info))
        }
        FailureInfo::NexusOperationExecutionFailureInfo(info) => {
            types::FailureInfo::NexusOperation(nexus_operation_from_proto(info))
        }
        FailureInfo::NexusHandlerFailureInfo(info) => {
            types::FailureInfo::NexusHandler(types::NexusHandlerFailure {
                retry_behavior: info.retry_behavior().into(),
                error_type: info.r#type,
            })
        }
    }
}

fn activity_to_proto(info: types::ActivityFailure) -> ActivityFailureInfo {
    ActivityFailureInfo {
        scheduled_event_id: info.scheduled_event_id,
        started_event_id: info.started_event_id,
        identity: info.identity,
        activity_type: named(info.activity_type).map(|name| ActivityType { name }),
        activity_id: info.activity_id,
        retry_state: RetryState::from(info.retry_state).into(),
    }
}

fn activity_from_proto(info: ActivityFailureInfo) -> types::ActivityFailure {
    types::ActivityFailure {
        retry_state: info.retry_state().into(),
        scheduled_event_id: info.scheduled_event_id,
        started_event_id: info.started_event_id,
        identity: info.identity,
        activity_type: info.activity_type.unwrap_or_default().name,
        activity_id: info.activity_id,
    }
}

fn child_to_proto(info: types::ChildWorkflowFailure) -> ChildWorkflowExecutionFailureInfo {
    let execution = WorkflowExecution { workflow_id: info.workflow_id, run_id: info.run_id };
    ChildWorkflowExecutionFailureInfo {
        namespace: info.namespace,
        workflow_execution: (execution != WorkflowExecution::default()).then_some(execution),
        workflow_type: named(info.workflow_type).map(|name| WorkflowType { name }),
        initiated_event_id: info.initiated_event_id,
        started_event_id: info.started_event_id,
        retry_state: RetryState::from(info.retry_state).into(),
    }
}

fn child_from_proto(info: ChildWorkflowExecutionFailureInfo) -> types::ChildWorkflowFailure {
    let retry_state = info.retry_state().into();
    let execution = info.workflow_execution.unwrap_or_default();
    types::ChildWorkflowFailure {
        namespace: info.namespace,
        workflow_id: execution.workflow_id,
        run_id: execution.run_id,
        workflow_type: info.workflow_type.unwrap_or_default().name,
        initiated_event_id: info.initiated_event_id,
        started_event_id: info.started_event_id,
        retry_state,
    }
}

fn nexus_operation_from_proto(info: NexusOperationFailureInfo) -> types::NexusOperationFailure {
    // The token was called an id once; old histories have only that.
    let token = if info.operation_token.is_empty() { info.operation_id } else { info.operation_token };
    types::NexusOperationFailure {
        scheduled_event_id: info.scheduled_event_id,
        endpoint: info.endpoint,
        service: info.service,
        operation: info.operation,
        operation_token: token,
    }
}

fn named(name: String) -> Option<String> {
    (!name.is_empty()).then_some(name)
}

/// Conversions of enums that have the same values under the same names on both sides.
macro_rules! same_values {
    ($($proto:ident = $types:ident { $($value:ident),* }),* $(,)?) => {$(
        impl From<types::$types> for $proto {
            fn from(value: types::$types) -> Self {
                match value {
                    $(types::$types::$value => Self::$value,)*
                }
            }
        }

        impl From<$proto> for types::$types {
            fn from(value: $proto) -> Self {
                match value {
                    $($proto::$value => Self::$value,)*
                }
            }
        }
    )*};
}

same_values! {
    ApplicationErrorCategory = ApplicationErrorCategory { Unspecified, Benign },
    TimeoutType = TimeoutType { Unspecified, StartToClose, ScheduleToStart, ScheduleToClose, Heartbeat },
    RetryState = RetryState {
        Unspecified,
        InProgress,
        NonRetryableFailure,
        Timeout,
        MaximumAttemptsReached,
        RetryPolicyNotSet,
        InternalServerError,
        CancelRequested
    },
    NexusHandlerErrorRetryBehavior = NexusRetryBehavior { Unspecified, Retryable, NonRetryable },
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check(info: types::FailureInfo) {
        let failure = types::Failure {
            message: "message".to_owned(),
            source: "RustSDK".to_owned(),
            stack_trace: "at main".to_owned(),
            encoded_attributes: Some(types::Payload::from_json("{}")),
            info,
            cause: Some(Box::new(types::Failure::canceled("inner", vec![types::Payload::null()]))),
        };
        assert_eq!(types::Failure::from(Failure::from(failure.clone())), failure);
    }

    #[test]
    fn every_kind_comes_back_as_it_was() {
        let details = || vec![types::Payload::from_json("1"), types::Payload::null()];
        check(types::FailureInfo::None);
        check(types::FailureInfo::Application(types::ApplicationFailure {
            error_type: "CardDeclined".to_owned(),
            non_retryable: true,
            details: details(),
            next_retry_delay: Some(Duration::from_millis(1500)),
            category: types::ApplicationErrorCategory::Benign,
        }));
        check(types::FailureInfo::Timeout(types::TimeoutFailure {
            timeout_type: types::TimeoutType::Heartbeat,
            last_heartbeat_details: details(),
        }));
        check(types::FailureInfo::Canceled(types::CanceledFailure {
            details: details(),
            identity: "me".to_owned(),
        }));
        check(types::FailureInfo::Terminated("me".to_owned()));
        check(types::FailureInfo::Server(true));
        check(types::FailureInfo::ResetWorkflow(details()));
        check(types::FailureInfo::Activity(types::ActivityFailure {
            scheduled_event_id: 5,
            started_event_id: 6,
            identity: "me".to_owned(),
            activity_type: "charge".to_owned(),
            activity_id: "1".to_owned(),
            retry_state: types::RetryState::MaximumAttemptsReached,
        }));
        check(types::FailureInfo::ChildWorkflow(types::ChildWorkflowFailure {
            namespace: "default".to_owned(),
            workflow_id: "w".to_owned(),
            run_id: "r".to_owned(),
            workflow_type: "order".to_owned(),
            initiated_event_id: 5,
            started_event_id: 6,
            retry_state: types::RetryState::RetryPolicyNotSet,
        }));
        check(types::FailureInfo::NexusOperation(types::NexusOperationFailure {
            scheduled_event_id: 5,
            endpoint: "e".to_owned(),
            service: "s".to_owned(),
            operation: "o".to_owned(),
            operation_token: "t".to_owned(),
        }));
        check(types::FailureInfo::NexusHandler(types::NexusHandlerFailure {
            error_type: "BAD_REQUEST".to_owned(),
            retry_behavior: types::NexusRetryBehavior::NonRetryable,
        }));
    }

    #[test]
    fn long_chains_are_cut() {
        let mut failure = Failure::default();
        for _ in 0..1000 {
            failure = Failure { cause: Some(Box::new(failure)), ..Failure::default() };
        }
        let mut chain = &types::Failure::from(failure);
        let mut links = 1;
        while let Some(cause) = &chain.cause {
            chain = cause;
            links += 1;
        }
        assert_eq!(links, types::MAX_FAILURE_DEPTH);
    }
}
