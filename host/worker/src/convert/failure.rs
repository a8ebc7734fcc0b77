//! Failures: a chain of links in the contract, nested messages in the protocol.

use host_sandbox::wit::workflow::host::types::{
    ActivityFailure, ApplicationErrorCategory, ApplicationFailure, CanceledFailure, ChildWorkflowFailure,
    Execution, Failure as GuestFailure, FailureInfo as GuestInfo, FailureLink, NexusHandlerFailure,
    NexusOperationFailure, NexusRetryBehavior, RetryState as GuestRetryState, TimeoutFailure,
    TimeoutType as GuestTimeoutType,
};
use host_wire::temporal::api::{
    common::v1::{ActivityType, WorkflowExecution, WorkflowType},
    enums::v1::{
        ApplicationErrorCategory as WireCategory, NexusHandlerErrorRetryBehavior, RetryState, TimeoutType,
    },
    failure::v1::{
        ActivityFailureInfo, ApplicationFailureInfo, CanceledFailureInfo, ChildWorkflowExecutionFailureInfo,
        Failure, NexusHandlerFailureInfo, NexusOperationFailureInfo, ResetWorkflowFailureInfo,
        ServerFailureInfo, TerminatedFailureInfo, TimeoutFailureInfo, failure::FailureInfo,
    },
};

use host_wire::text;
use prost::Message as _;

use super::{malformed::Malformed, payload, time};

/// Links of a failure, as the contract says.
pub(crate) const MAX_LINKS: usize = 64;

/// Bytes of the message of a failed workflow task, and of its stack trace. A person reads them.
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// Bytes of the other texts of such a failure: names, as the service bounds those of commands.
const MAX_NAME_BYTES: usize = 1_000;

/// Bytes of the failure of a workflow task. It becomes an event, and a page of history has 4 MiB.
const MAX_EVENT_FAILURE_BYTES: usize = 256 * 1024;

/// Cuts the texts of a failure that is reported of a workflow task. The workflow itself wrote them, and they may have
/// any length. If it is still too large, its causes and details are left out.
pub(crate) fn fit_event(mut failure: Failure) -> Failure {
    let mut next = Some(&mut failure);
    while let Some(link) = next {
        // Without `..`: a new text must be cut too.
        let Failure { message, source, stack_trace, encoded_attributes: _, cause, failure_info: _ } = link;
        for (text, max) in
            [(message, MAX_TEXT_BYTES), (source, MAX_NAME_BYTES), (stack_trace, MAX_TEXT_BYTES)]
        {
            text::cut(text, max);
        }
        next = cause.as_deref_mut();
    }
    if failure.encoded_len() <= MAX_EVENT_FAILURE_BYTES {
        return failure;
    }
    let error_type = match failure.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(mut info)) => {
            text::cut(&mut info.r#type, MAX_NAME_BYTES);
            info.r#type
        }
        _ => String::new(),
    };
    let info = ApplicationFailureInfo { r#type: error_type, ..ApplicationFailureInfo::default() };
    Failure {
        message: failure.message,
        source: failure.source,
        stack_trace: failure.stack_trace,
        failure_info: Some(FailureInfo::ApplicationFailureInfo(info)),
        ..Failure::default()
    }
}

/// A failure for a guest. Causes below the last link that the contract allows are left out.
pub(crate) fn to_guest(failure: Failure) -> GuestFailure {
    let mut links = Vec::new();
    let mut next = Some(Box::new(failure));
    while let Some(mut failure) = next {
        if links.len() == MAX_LINKS {
            break;
        }
        next = failure.cause.take();
        links.push(FailureLink {
            message: failure.message,
            source: failure.source,
            stack_trace: failure.stack_trace,
            encoded_attributes: failure.encoded_attributes.map(payload::to_guest),
            info: info_to_guest(failure.failure_info),
        });
    }
    links
}

/// A failure for the service.
pub(crate) fn to_wire(links: GuestFailure) -> Result<Failure, Malformed> {
    if links.len() > MAX_LINKS {
        return Err(Malformed::DeepFailure { links: links.len() });
    }
    let outermost = links.into_iter().rev().fold(None, |cause: Option<Failure>, link| {
        Some(Failure {
            message: link.message,
            source: link.source,
            stack_trace: link.stack_trace,
            encoded_attributes: link.encoded_attributes.map(payload::to_wire),
            cause: cause.map(Box::new),
            failure_info: info_to_wire(link.info),
        })
    });
    outermost.ok_or(Malformed::EmptyFailure)
}

fn info_to_guest(info: Option<FailureInfo>) -> GuestInfo {
    let Some(info) = info else { return GuestInfo::None };
    match info {
        FailureInfo::ApplicationFailureInfo(info) => GuestInfo::Application(application_to_guest(info)),
        FailureInfo::TimeoutFailureInfo(info) => GuestInfo::Timeout(TimeoutFailure {
            timeout_type: timeout_type_to_guest(info.timeout_type()),
            last_heartbeat_details: payload::list_to_guest(info.last_heartbeat_details),
        }),
        FailureInfo::CanceledFailureInfo(info) => GuestInfo::Canceled(CanceledFailure {
            details: payload::list_to_guest(info.details),
            identity: info.identity,
        }),
        FailureInfo::TerminatedFailureInfo(info) => GuestInfo::Terminated(info.identity),
        FailureInfo::ServerFailureInfo(info) => GuestInfo::Server(info.non_retryable),
        FailureInfo::ResetWorkflowFailureInfo(info) => {
            GuestInfo::ResetWorkflow(payload::list_to_guest(info.last_heartbeat_details))
        }
        FailureInfo::ActivityFailureInfo(info) => GuestInfo::Activity(activity_to_guest(info)),
        FailureInfo::ChildWorkflowExecutionFailureInfo(info) => {
            GuestInfo::ChildWorkflow(child_workflow_to_guest(info))
        }
        FailureInfo::NexusOperationExecutionFailureInfo(info) => {
            GuestInfo::NexusOperation(NexusOperationFailure {
                scheduled_event_id: info.scheduled_event_id,
                endpoint: info.endpoint,
                service: info.service,
                operation: info.operation,
                operation_token: info.operation_token,
            })
        }
        FailureInfo::NexusHandlerFailureInfo(info) => GuestInfo::NexusHandler(NexusHandlerFailure {
            retry_behavior: retry_behavior_to_guest(info.retry_behavior()),
            error_type: info.r#type,
        }),
    }
}

fn info_to_wire(info: GuestInfo) -> Option<FailureInfo> {
    Some(match info {
        GuestInfo::None => return None,
        GuestInfo::Application(info) => FailureInfo::ApplicationFailureInfo(application_to_wire(info)),
        GuestInfo::Timeout(info) => FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: timeout_type_to_wire(info.timeout_type).into(),
            last_heartbeat_details: payload::list_to_wire(info.last_heartbeat_details),
        }),
        GuestInfo::Canceled(info) => FailureInfo::CanceledFailureInfo(CanceledFailureInfo {
            details: payload::list_to_wire(info.details),
            identity: info.identity,
        }),
        GuestInfo::Terminated(identity) => {
            FailureInfo::TerminatedFailureInfo(TerminatedFailureInfo { identity })
        }
        GuestInfo::Server(non_retryable) => {
            FailureInfo::ServerFailureInfo(ServerFailureInfo { non_retryable })
        }
        GuestInfo::ResetWorkflow(details) => {
            FailureInfo::ResetWorkflowFailureInfo(ResetWorkflowFailureInfo {
                last_heartbeat_details: payload::list_to_wire(details),
            })
        }
        GuestInfo::Activity(info) => FailureInfo::ActivityFailureInfo(activity_to_wire(info)),
        GuestInfo::ChildWorkflow(info) => {
            FailureInfo::ChildWorkflowExecutionFailureInfo(child_workflow_to_wire(info))
        }
        GuestInfo::NexusOperation(info) => {
            FailureInfo::NexusOperationExecutionFailureInfo(NexusOperationFailureInfo {
                scheduled_event_id: info.scheduled_event_id,
                endpoint: info.endpoint,
                service: info.service,
                operation: info.operation,
                operation_token: info.operation_token,
                ..Default::default()
            })
        }
        GuestInfo::NexusHandler(info) => FailureInfo::NexusHandlerFailureInfo(NexusHandlerFailureInfo {
            r#type: info.error_type,
            retry_behavior: retry_behavior_to_wire(info.retry_behavior).into(),
        }),
    })
}

fn application_to_guest(info: ApplicationFailureInfo) -> ApplicationFailure {
    ApplicationFailure {
        category: match info.category() {
            WireCategory::Unspecified => ApplicationErrorCategory::Unspecified,
            WireCategory::Benign => ApplicationErrorCategory::Benign,
        },
        error_type: info.r#type,
        non_retryable: info.non_retryable,
        details: payload::list_to_guest(info.details),
        next_retry_delay: info.next_retry_delay.map(time::duration_to_guest),
    }
}

fn application_to_wire(info: ApplicationFailure) -> ApplicationFailureInfo {
    let category = match info.category {
        ApplicationErrorCategory::Unspecified => WireCategory::Unspecified,
        ApplicationErrorCategory::Benign => WireCategory::Benign,
    };
    ApplicationFailureInfo {
        r#type: info.error_type,
        non_retryable: info.non_retryable,
        details: payload::list_to_wire(info.details),
        next_retry_delay: info.next_retry_delay.map(time::duration_to_wire),
        category: category.into(),
    }
}

fn activity_to_guest(info: ActivityFailureInfo) -> ActivityFailure {
    ActivityFailure {
        retry_state: retry_state_to_guest(info.retry_state()),
        scheduled_event_id: info.scheduled_event_id,
        started_event_id: info.started_event_id,
        identity: info.identity,
        activity_type: info.activity_type.map(|r#type| r#type.name).unwrap_or_default(),
        activity_id: info.activity_id,
    }
}

fn activity_to_wire(info: ActivityFailure) -> ActivityFailureInfo {
    ActivityFailureInfo {
        scheduled_event_id: info.scheduled_event_id,
        started_event_id: info.started_event_id,
        identity: info.identity,
        activity_type: Some(ActivityType { name: info.activity_type }),
        activity_id: info.activity_id,
        retry_state: retry_state_to_wire(info.retry_state).into(),
    }
}

fn child_workflow_to_guest(info: ChildWorkflowExecutionFailureInfo) -> ChildWorkflowFailure {
    let retry_state = retry_state_to_guest(info.retry_state());
    let execution = info.workflow_execution.unwrap_or_default();
    ChildWorkflowFailure {
        namespace: info.namespace,
        execution: Execution { workflow_id: execution.workflow_id, run_id: execution.run_id },
        workflow_type: info.workflow_type.map(|r#type| r#type.name).unwrap_or_default(),
        initiated_event_id: info.initiated_event_id,
        started_event_id: info.started_event_id,
        retry_state,
    }
}

fn child_workflow_to_wire(info: ChildWorkflowFailure) -> ChildWorkflowExecutionFailureInfo {
    let Execution { workflow_id, run_id } = info.execution;
    ChildWorkflowExecutionFailureInfo {
        namespace: info.namespace,
        workflow_execution: Some(WorkflowExecution { workflow_id, run_id }),
        workflow_type: Some(WorkflowType { name: info.workflow_type }),
        initiated_event_id: info.initiated_event_id,
        started_event_id: info.started_event_id,
        retry_state: retry_state_to_wire(info.retry_state).into(),
    }
}

/// Two functions that map the cases of an enum of the protocol to those of one of the contract.
macro_rules! cases {
    ($to_guest:ident, $to_wire:ident, $wire:ident, $guest:ident: $($case:ident),+) => {
        fn $to_guest(value: $wire) -> $guest {
            match value {
                $($wire::$case => $guest::$case,)+
            }
        }

        fn $to_wire(value: $guest) -> $wire {
            match value {
                $($guest::$case => $wire::$case,)+
            }
        }
    };
}

cases!(timeout_type_to_guest, timeout_type_to_wire, TimeoutType, GuestTimeoutType:
    Unspecified, StartToClose, ScheduleToStart, ScheduleToClose, Heartbeat);
cases!(retry_state_to_guest, retry_state_to_wire, RetryState, GuestRetryState:
    Unspecified, InProgress, NonRetryableFailure, Timeout, MaximumAttemptsReached, RetryPolicyNotSet,
    InternalServerError, CancelRequested);
cases!(retry_behavior_to_guest, retry_behavior_to_wire, NexusHandlerErrorRetryBehavior, NexusRetryBehavior:
    Unspecified, Retryable, NonRetryable);

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::common::v1::Payload;

    use super::*;

    fn link(message: impl Into<String>, info: GuestInfo) -> FailureLink {
        FailureLink {
            message: message.into(),
            source: "test".into(),
            stack_trace: "at test".into(),
            encoded_attributes: None,
            info,
        }
    }

    #[test]
    fn every_kind_of_failure_comes_back() {
        let execution = Execution { workflow_id: "w".into(), run_id: "r".into() };
        let chain: Vec<FailureLink> = [
            GuestInfo::None,
            GuestInfo::Application(ApplicationFailure {
                error_type: "Declined".into(),
                non_retryable: true,
                details: vec![payload::to_guest(Default::default())],
                next_retry_delay: Some(5),
                category: ApplicationErrorCategory::Benign,
            }),
            GuestInfo::Timeout(TimeoutFailure {
                timeout_type: GuestTimeoutType::Heartbeat,
                last_heartbeat_details: Vec::new(),
            }),
            GuestInfo::Canceled(CanceledFailure { details: Vec::new(), identity: "me".into() }),
            GuestInfo::Terminated("me".into()),
            GuestInfo::Server(true),
            GuestInfo::ResetWorkflow(Vec::new()),
            GuestInfo::Activity(ActivityFailure {
                scheduled_event_id: 5,
                started_event_id: 6,
                identity: "me".into(),
                activity_type: "charge".into(),
                activity_id: "1".into(),
                retry_state: GuestRetryState::MaximumAttemptsReached,
            }),
            GuestInfo::ChildWorkflow(ChildWorkflowFailure {
                namespace: "n".into(),
                execution,
                workflow_type: "Child".into(),
                initiated_event_id: 7,
                started_event_id: 8,
                retry_state: GuestRetryState::Timeout,
            }),
            GuestInfo::NexusOperation(NexusOperationFailure {
                scheduled_event_id: 9,
                endpoint: "e".into(),
                service: "s".into(),
                operation: "o".into(),
                operation_token: "t".into(),
            }),
            GuestInfo::NexusHandler(NexusHandlerFailure {
                error_type: "INTERNAL".into(),
                retry_behavior: NexusRetryBehavior::NonRetryable,
            }),
        ]
        .into_iter()
        .enumerate()
        .map(|(position, info)| link(position.to_string(), info))
        .collect();
        assert_eq!(to_guest(to_wire(chain.clone()).unwrap()), chain);
    }

    /// Every text and every payload of every kind of failure has a megabyte; the event fits a page of history all the
    /// same.
    #[test]
    fn what_is_reported_of_a_task_fits_an_event() {
        let long = || "x".repeat(1 << 20);
        let large = || payload::to_guest(Payload { data: long().into_bytes().into(), ..Default::default() });
        let application = |details| {
            GuestInfo::Application(ApplicationFailure {
                error_type: long(),
                non_retryable: false,
                details,
                next_retry_delay: None,
                category: ApplicationErrorCategory::Unspecified,
            })
        };
        let infos = [
            GuestInfo::None,
            application(Vec::new()),
            application(vec![large()]),
            GuestInfo::Canceled(CanceledFailure { details: vec![large()], identity: long() }),
            GuestInfo::Terminated(long()),
            GuestInfo::ResetWorkflow(vec![large()]),
        ];
        for info in infos {
            let link = FailureLink {
                message: long(),
                source: long(),
                stack_trace: long(),
                encoded_attributes: None,
                info: info.clone(),
            };
            for links in [1, MAX_LINKS] {
                let fitted = fit_event(to_wire(vec![link.clone(); links]).unwrap());
                assert!(fitted.encoded_len() <= MAX_EVENT_FAILURE_BYTES, "{}", fitted.encoded_len());
                assert!(fitted.message.ends_with(" bytes were cut]"), "it says what was cut");
            }
        }
        let small = to_wire(vec![link("m", GuestInfo::Server(true)); MAX_LINKS]).unwrap();
        assert_eq!(fit_event(small.clone()), small);
    }

    #[test]
    fn chains_are_bounded_in_both_directions() {
        let chain = |links| vec![link("", GuestInfo::None); links];
        assert_eq!(to_wire(chain(0)), Err(Malformed::EmptyFailure));
        assert!(to_wire(chain(MAX_LINKS)).is_ok());
        assert_eq!(to_wire(chain(MAX_LINKS + 1)), Err(Malformed::DeepFailure { links: MAX_LINKS + 1 }));
        let deep = (0..100).fold(Failure::default(), |cause, _| Failure {
            cause: Some(Box::new(cause)),
            ..Failure::default()
        });
        assert_eq!(to_guest(deep).len(), MAX_LINKS);
    }
}
