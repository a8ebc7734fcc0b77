//! Failures as the service keeps them: cut in depth, in the length of their texts and as a whole, so that every event
//! that holds one can be decoded and sent again.

use host_wire::temporal::api::failure::v1::{
    ActivityFailureInfo, ApplicationFailureInfo, CanceledFailureInfo, ChildWorkflowExecutionFailureInfo,
    Failure, NexusHandlerFailureInfo, NexusOperationFailureInfo, ResetWorkflowFailureInfo, ServerFailureInfo,
    TerminatedFailureInfo, TimeoutFailureInfo, failure::FailureInfo,
};
use prost::Message;

use crate::{limits, text};

/// The message of the failure in place of one that is too large, as Temporal's server words it.
const TOO_LARGE: &str = "Failure exceeds size limit.";

/// Cuts the chain of causes to [`limits::FAILURE_LINKS`] and all texts to their lengths.
pub(crate) fn cut(failure: &mut Failure) {
    let mut link = failure;
    for _ in 1..limits::FAILURE_LINKS {
        cut_texts(link);
        match &mut link.cause {
            Some(cause) => link = cause,
            None => return,
        }
    }
    let dropped = drop_causes(link);
    if dropped > 0 {
        text::cut(&mut link.message, limits::TEXT_BYTES - 64);
        link.message.push_str(&format!(" [… {dropped} causes were cut]"));
    }
    cut_texts(link);
}

/// As [`cut`]; a failure that is larger than [`limits::BLOB_BYTES`] all the same becomes the cause of one that says
/// so and is not retryable, without its payloads.
pub(crate) fn cut_whole(failure: &mut Failure) {
    cut(failure);
    if failure.encoded_len() > limits::BLOB_BYTES {
        *failure = too_large(failure, limits::CUT_FAILURE_BYTES, true);
    }
}

/// The failure if it has at most `most` bytes, else one that says so and has what fits as its cause.
pub(crate) fn within(failure: &Failure, most: usize) -> Failure {
    if failure.encoded_len() <= most { failure.clone() } else { too_large(failure, most, false) }
}

fn too_large(failure: &Failure, most: usize, non_retryable: bool) -> Failure {
    Failure {
        message: TOO_LARGE.to_owned(),
        failure_info: Some(FailureInfo::ServerFailureInfo(ServerFailureInfo { non_retryable })),
        cause: Some(Box::new(truncated(failure, most.saturating_sub(LINK_OVERHEAD_BYTES)))),
        ..Failure::default()
    }
}

/// Messages, stack traces and what retry policies look at, outermost first, up to a number of bytes. Payloads are left
/// out.
fn truncated(failure: &Failure, mut most: usize) -> Failure {
    let mut links = Vec::new();
    let mut next = Some(failure);
    while let Some(link) = next.filter(|_| links.len() < limits::FAILURE_LINKS - 1) {
        let mut kept = Failure {
            source: link.source.clone(),
            failure_info: retryability(link.failure_info.as_ref()),
            ..Failure::default()
        };
        most = most.saturating_sub(kept.encoded_len() + LINK_OVERHEAD_BYTES);
        if most < MIN_LINK_BYTES {
            break;
        }
        kept.message.clone_from(&link.message);
        text::cut(&mut kept.message, most);
        most = most.saturating_sub(kept.message.len());
        if most >= MIN_LINK_BYTES {
            kept.stack_trace.clone_from(&link.stack_trace);
            text::cut(&mut kept.stack_trace, most);
            most = most.saturating_sub(kept.stack_trace.len());
        }
        links.push(kept);
        next = link.cause.as_deref();
    }
    let chain = links.into_iter().rev();
    chain.fold(None, |cause, link| Some(Failure { cause: cause.map(Box::new), ..link })).unwrap_or_default()
}

/// Bytes below which no text is kept.
const MIN_LINK_BYTES: usize = 64;
/// What a link of a chain has beside its texts, at most: tags, lengths, flags.
const LINK_OVERHEAD_BYTES: usize = 64;

fn retryability(info: Option<&FailureInfo>) -> Option<FailureInfo> {
    match info? {
        FailureInfo::ApplicationFailureInfo(info) => {
            Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
                r#type: info.r#type.clone(),
                non_retryable: info.non_retryable,
                ..ApplicationFailureInfo::default()
            }))
        }
        FailureInfo::ServerFailureInfo(info) => Some(FailureInfo::ServerFailureInfo(*info)),
        _ => None,
    }
}

/// Drops all causes of a failure, without recursion; answers how many.
fn drop_causes(failure: &mut Failure) -> usize {
    let mut dropped = 0;
    let mut next = failure.cause.take();
    while let Some(mut cause) = next {
        dropped += 1;
        next = cause.cause.take();
    }
    dropped
}

/// Destructures everything: a field that the protocol adds does not compile before it has its place here.
fn cut_texts(failure: &mut Failure) {
    let Failure { message, source, stack_trace, encoded_attributes: _, cause: _, failure_info } = failure;
    text::cut(message, limits::TEXT_BYTES);
    text::cut(stack_trace, limits::TEXT_BYTES);
    name(source);
    let Some(info) = failure_info else { return };
    match info {
        FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type,
            non_retryable: _,
            details: _,
            next_retry_delay: _,
            category: _,
        }) => name(r#type),
        FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: _,
            last_heartbeat_details: _,
        })
        | FailureInfo::ServerFailureInfo(ServerFailureInfo { non_retryable: _ })
        | FailureInfo::ResetWorkflowFailureInfo(ResetWorkflowFailureInfo { last_heartbeat_details: _ }) => {}
        FailureInfo::CanceledFailureInfo(CanceledFailureInfo { details: _, identity })
        | FailureInfo::TerminatedFailureInfo(TerminatedFailureInfo { identity }) => name(identity),
        FailureInfo::ActivityFailureInfo(ActivityFailureInfo {
            scheduled_event_id: _,
            started_event_id: _,
            identity,
            activity_type,
            activity_id,
            retry_state: _,
        }) => {
            name(identity);
            name(activity_id);
            activity_type.iter_mut().for_each(|of| name(&mut of.name));
        }
        FailureInfo::ChildWorkflowExecutionFailureInfo(ChildWorkflowExecutionFailureInfo {
            namespace,
            workflow_execution,
            workflow_type,
            initiated_event_id: _,
            started_event_id: _,
            retry_state: _,
        }) => {
            name(namespace);
            workflow_type.iter_mut().for_each(|of| name(&mut of.name));
            if let Some(execution) = workflow_execution {
                name(&mut execution.workflow_id);
                name(&mut execution.run_id);
            }
        }
        FailureInfo::NexusOperationExecutionFailureInfo(NexusOperationFailureInfo {
            scheduled_event_id: _,
            endpoint,
            service,
            operation,
            operation_id,
            operation_token,
        }) => [endpoint, service, operation, operation_id, operation_token].into_iter().for_each(name),
        FailureInfo::NexusHandlerFailureInfo(NexusHandlerFailureInfo { r#type, retry_behavior: _ }) => {
            name(r#type);
        }
    }
}

fn name(text: &mut String) {
    text::cut(text, limits::ID_BYTES);
}

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::common::v1::{Payload, Payloads};

    use super::*;

    /// A chain in which every link has everything of this size that a failure can have.
    fn chain(links: usize, text: usize, payload: usize) -> Failure {
        let details = || {
            let data = vec![b'p'; payload].into();
            Some(Payloads { payloads: vec![Payload { data, ..Payload::default() }] })
        };
        let link = |cause: Option<Failure>| Failure {
            message: "é".repeat(text / 2),
            source: "s".repeat(text),
            stack_trace: "t".repeat(text),
            encoded_attributes: None,
            cause: cause.map(Box::new),
            failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
                r#type: "T".repeat(text),
                details: details(),
                ..ApplicationFailureInfo::default()
            })),
        };
        (0..links).fold(None, |cause, _| Some(link(cause))).unwrap_or_default()
    }

    fn links(failure: &Failure) -> usize {
        std::iter::successors(Some(failure), |link| link.cause.as_deref()).count()
    }

    #[test]
    fn whatever_comes_in_can_be_decoded_again_in_the_deepest_message() {
        for (length, text, payload) in
            [(1, 10, 10), (64, 10, 10), (65, 10, 10), (10_000, 1, 1), (64, 200_000, 0), (40, 10, 100_000)]
        {
            let mut failure = chain(length, text, payload);
            cut_whole(&mut failure);
            assert!(links(&failure) <= limits::FAILURE_LINKS, "{length}: {} links", links(&failure));
            assert!(failure.encoded_len() <= limits::BLOB_BYTES, "{length}: {}", failure.encoded_len());
            // As deep as a decoder meets it: response, history, event, attributes, and records of storage around
            // them, with room to spare. A cause is a level of the same kind.
            let deeper = (0..16)
                .fold(failure, |inner, _| Failure { cause: Some(Box::new(inner)), ..Failure::default() });
            assert_eq!(Failure::decode(deeper.encode_to_vec().as_slice()).as_ref(), Ok(&deeper), "{length}");
        }
    }

    #[test]
    fn a_cut_chain_says_how_much_is_missing() {
        let mut failure = chain(100, 4, 0);
        cut(&mut failure);
        let last = std::iter::successors(Some(&failure), |link| link.cause.as_deref()).last();
        assert_eq!(last.map(|last| last.message.as_str()), Some("éé [… 36 causes were cut]"));
    }

    #[test]
    fn what_is_kept_in_place_of_a_large_failure_has_the_size_that_was_asked_for() {
        for most in [4 * 1024, 64 * 1024, 512 * 1024] {
            for (length, text) in [(1, 600_000), (64, 30_000), (64, 900), (3, 300_000)] {
                let mut failure = chain(length, text, text);
                cut(&mut failure);
                let kept = within(&failure, most);
                assert!(
                    kept.encoded_len() <= most,
                    "{length} links of {text}: {} of {most}",
                    kept.encoded_len()
                );
                if failure.encoded_len() > most {
                    assert_eq!(kept.message, TOO_LARGE);
                    let first = kept.cause.map(|cause| cause.message).unwrap_or_default();
                    assert!(first.starts_with('é'), "the first message is gone");
                }
            }
        }
    }
}
