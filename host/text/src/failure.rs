//! Failures and how workflows ended, for people.

use guest_sdk_types::{Failure, FailureInfo, Payload, RetryState, TimeoutType};
use host_client::WorkflowFailed;

use crate::{
    escape::{Place, escape},
    payloads::payloads_json,
};

/// How a workflow that has no result ended, over several lines.
#[must_use]
pub fn workflow(failed: &WorkflowFailed) -> String {
    match failed {
        WorkflowFailed::Failed(failure) => format!("workflow failed\n{}", chain(failure)),
        WorkflowFailed::Canceled(details) => format!("workflow was cancelled{}", details_line("  ", details)),
        WorkflowFailed::Terminated { details, .. } => {
            format!("{}{}", escape(&failed.to_string(), Place::Line), details_line("  ", details))
        }
        WorkflowFailed::TimedOut => "workflow timed out".to_owned(),
    }
}

/// A failure and its causes, each indented below the failure that it caused.
#[must_use]
pub fn chain(failure: &Failure) -> String {
    let mut text = String::new();
    for (depth, link) in failure.chain().enumerate() {
        let indent = "  ".repeat(depth + 1);
        if depth > 0 {
            text.push_str(&format!("\n{}caused by\n", "  ".repeat(depth)));
        }
        text.push_str(&format!("{indent}{}", escape(&kind(&link.info), Place::Line)));
        if !link.message.is_empty() {
            text.push_str(&format!(": {}", link.message.replace('\n', &format!("\n{indent}"))));
        }
        text.push_str(&details_line(&indent, details(&link.info)));
        if !link.stack_trace.is_empty() {
            let trace = link.stack_trace.trim_end().replace('\n', &format!("\n{indent}  "));
            text.push_str(&format!("\n{indent}  {trace}"));
        }
    }
    text
}

fn kind(info: &FailureInfo) -> String {
    match info {
        FailureInfo::None => "failure".to_owned(),
        FailureInfo::Application(failure) => {
            let name = if failure.error_type.is_empty() { "ApplicationFailure" } else { &failure.error_type };
            let retries = if failure.non_retryable { " (not retryable)" } else { "" };
            format!("{name}{retries}")
        }
        FailureInfo::Timeout(failure) => format!(
            "timeout ({})",
            match failure.timeout_type {
                TimeoutType::Unspecified => "of unknown kind",
                TimeoutType::StartToClose => "start to close",
                TimeoutType::ScheduleToStart => "schedule to start",
                TimeoutType::ScheduleToClose => "schedule to close",
                TimeoutType::Heartbeat => "heartbeat",
            }
        ),
        FailureInfo::Canceled(_) => "cancelled".to_owned(),
        FailureInfo::Terminated(identity) => format!("terminated by {identity}"),
        FailureInfo::Server(_) => "the service failed".to_owned(),
        FailureInfo::ResetWorkflow(_) => "the workflow was reset".to_owned(),
        FailureInfo::Activity(activity) => format!(
            "activity {} (id {}){}",
            activity.activity_type,
            activity.activity_id,
            retries(activity.retry_state)
        ),
        FailureInfo::ChildWorkflow(child) => format!(
            "child workflow {} (id {}){}",
            child.workflow_type,
            child.workflow_id,
            retries(child.retry_state)
        ),
        FailureInfo::NexusOperation(operation) => {
            format!("Nexus operation {} of {}", operation.operation, operation.service)
        }
        FailureInfo::NexusHandler(handler) => format!("Nexus handler {}", handler.error_type),
    }
}

fn retries(state: RetryState) -> &'static str {
    match state {
        RetryState::Unspecified | RetryState::NonRetryableFailure | RetryState::RetryPolicyNotSet => "",
        RetryState::InProgress => ", to be tried again",
        RetryState::Timeout => ", no time left to try again",
        RetryState::MaximumAttemptsReached => ", no attempt left",
        RetryState::InternalServerError => ", the service failed",
        RetryState::CancelRequested => ", cancellation requested",
    }
}

fn details(info: &FailureInfo) -> &[Payload] {
    match info {
        FailureInfo::Application(failure) => &failure.details,
        FailureInfo::Canceled(failure) => &failure.details,
        FailureInfo::Timeout(failure) => &failure.last_heartbeat_details,
        FailureInfo::ResetWorkflow(details) => details,
        _ => &[],
    }
}

fn details_line(indent: &str, details: &[Payload]) -> String {
    if details.is_empty() {
        return String::new();
    }
    let json = payloads_json(details.to_vec()).unwrap_or_else(|error| format!("unreadable: {error}"));
    format!("\n{indent}  details: {json}")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use guest_sdk_types::{ActivityFailure, CanceledFailure, TimeoutFailure};

    use super::*;

    fn check(failure: &Failure, expected: Expect) {
        expected.assert_eq(&workflow(&WorkflowFailed::Failed(failure.clone())));
    }

    #[test]
    fn causes_are_indented() {
        let cause = Failure {
            message: "card declined\nby the bank".to_owned(),
            stack_trace: "charge at orders.rs:7\nmain".to_owned(),
            info: FailureInfo::Application(guest_sdk_types::ApplicationFailure {
                error_type: "CardDeclined".to_owned(),
                non_retryable: true,
                details: vec![Payload::from_json(r#"{"limit": 5}"#), Payload::from_json("2")],
                ..Default::default()
            }),
            ..Failure::default()
        };
        let activity = Failure {
            message: "activity error".to_owned(),
            info: FailureInfo::Activity(ActivityFailure {
                activity_type: "charge".to_owned(),
                activity_id: "3".to_owned(),
                retry_state: RetryState::MaximumAttemptsReached,
                ..ActivityFailure::default()
            }),
            cause: Some(Box::new(cause)),
            ..Failure::default()
        };
        check(
            &activity,
            expect![[r#"
                workflow failed
                  activity charge (id 3), no attempt left: activity error
                  caused by
                    CardDeclined (not retryable): card declined
                    by the bank
                      details: [{"limit":5},2]
                      charge at orders.rs:7
                      main"#]],
        );
    }

    #[test]
    fn kinds() {
        let of = |info| Failure { info, ..Failure::default() };
        check(
            &of(FailureInfo::None),
            expect![[r#"
            workflow failed
              failure"#]],
        );
        check(
            &of(FailureInfo::Timeout(TimeoutFailure {
                timeout_type: TimeoutType::Heartbeat,
                last_heartbeat_details: vec![Payload::from_json("7")],
            })),
            expect![[r#"
                workflow failed
                  timeout (heartbeat)
                    details: 7"#]],
        );
        check(
            &of(FailureInfo::Canceled(CanceledFailure::default())),
            expect![[r#"
            workflow failed
              cancelled"#]],
        );
    }
}
