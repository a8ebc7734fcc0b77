use super::*;
use crate::{
    EventAttributes,
    temporal::api::{
        common::v1::{ActivityType, Payload, WorkerVersionStamp},
        deployment::v1::WorkerDeploymentVersion,
        history::v1::*,
    },
};

fn raw(attributes: EventAttributes) -> RawEvent {
    let event = HistoryEvent { attributes: Some(attributes), ..HistoryEvent::default() };
    RawEvent::new(event.encode_to_vec().into()).unwrap()
}

fn task_completed(attributes: WorkflowTaskCompletedEventAttributes) -> RawEvent {
    raw(EventAttributes::WorkflowTaskCompletedEventAttributes(Box::new(attributes)))
}

#[test]
fn an_activity_is_told_by_id_and_type() {
    let event = raw(EventAttributes::ActivityTaskScheduledEventAttributes(Box::new(
        ActivityTaskScheduledEventAttributes {
            activity_id: "7".to_owned(),
            activity_type: Some(ActivityType { name: "greet".to_owned() }),
            input: Some(Payloads { payloads: vec![Payload::default()] }),
            ..ActivityTaskScheduledEventAttributes::default()
        },
    )));
    let activity = ScheduledActivity::of(&event).unwrap();
    assert_eq!(activity, Some(ScheduledActivity { activity_id: b"7", activity_type: b"greet" }));
}

#[test]
fn a_task_start_is_what_the_decoded_message_says() {
    let event = raw(EventAttributes::WorkflowTaskStartedEventAttributes(Box::new(
        WorkflowTaskStartedEventAttributes {
            suggest_continue_as_new: true,
            suggest_continue_as_new_reasons: vec![2, 1, 1_000],
            history_size_bytes: 4_000,
            target_worker_deployment_version_changed: true,
            ..WorkflowTaskStartedEventAttributes::default()
        },
    )));
    let expected = TaskStart {
        history_size_bytes: 4_000,
        continue_as_new_suggested: true,
        continue_as_new_reasons: vec![
            SuggestContinueAsNewReason::TooManyHistoryEvents,
            SuggestContinueAsNewReason::HistorySizeTooLarge,
        ],
        target_deployment_version_changed: true,
    };
    assert_eq!(TaskStart::of(&event).unwrap(), Some(expected));
}

#[test]
fn a_task_names_its_worker_in_one_of_three_ways() {
    let stamped = task_completed(WorkflowTaskCompletedEventAttributes {
        worker_version: Some(WorkerVersionStamp {
            build_id: "b".to_owned(),
            ..WorkerVersionStamp::default()
        }),
        ..WorkflowTaskCompletedEventAttributes::default()
    });
    let written_as_one = task_completed(WorkflowTaskCompletedEventAttributes {
        worker_deployment_version: "d.b".to_owned(),
        ..WorkflowTaskCompletedEventAttributes::default()
    });
    let deployed = task_completed(WorkflowTaskCompletedEventAttributes {
        worker_deployment_name: "replaced".to_owned(),
        deployment_version: Some(WorkerDeploymentVersion {
            build_id: "b".to_owned(),
            deployment_name: "d".to_owned(),
        }),
        ..WorkflowTaskCompletedEventAttributes::default()
    });
    for (event, name) in [(stamped, ""), (written_as_one, "d"), (deployed, "d")] {
        let completion = TaskCompletion::of(&event).unwrap().unwrap();
        assert_eq!((completion.deployment_name, completion.build_id), (name.as_bytes(), &b"b"[..]));
    }
}

#[test]
fn a_task_carries_flags() {
    let metadata = WorkflowTaskCompletedMetadata {
        core_used_flags: vec![1, 3],
        ..WorkflowTaskCompletedMetadata::default()
    };
    let event = task_completed(WorkflowTaskCompletedEventAttributes {
        sdk_metadata: Some(metadata.clone()),
        ..WorkflowTaskCompletedEventAttributes::default()
    });
    let completion = TaskCompletion::of(&event).unwrap().unwrap();
    assert_eq!(completion.sdk_metadata().unwrap(), Some(metadata));
}

#[test]
fn single_fields_are_those_of_the_decoded_messages() {
    let result = Payloads { payloads: vec![Payload { data: "hi".into(), ..Payload::default() }] };
    let completed = raw(EventAttributes::ActivityTaskCompletedEventAttributes(Box::new(
        ActivityTaskCompletedEventAttributes {
            result: Some(result.clone()),
            scheduled_event_id: 5,
            ..ActivityTaskCompletedEventAttributes::default()
        },
    )));
    assert_eq!(activity_result(&completed).unwrap(), Some(result));
    let marker =
        raw(EventAttributes::MarkerRecordedEventAttributes(Box::new(MarkerRecordedEventAttributes {
            marker_name: "core_patch".to_owned(),
            ..MarkerRecordedEventAttributes::default()
        })));
    assert_eq!(marker_name(&marker).unwrap(), Some(&b"core_patch"[..]));
    let accepted = raw(EventAttributes::WorkflowExecutionUpdateAcceptedEventAttributes(Box::new(
        WorkflowExecutionUpdateAcceptedEventAttributes {
            accepted_request_sequencing_event_id: 9,
            ..WorkflowExecutionUpdateAcceptedEventAttributes::default()
        },
    )));
    assert_eq!(accepted_after(&accepted).unwrap(), Some(9));
}

#[test]
fn other_attributes_give_nothing() {
    let event = raw(EventAttributes::TimerFiredEventAttributes(Box::default()));
    assert_eq!(ScheduledActivity::of(&event).unwrap(), None);
    assert_eq!(TaskStart::of(&event).unwrap(), None);
    assert!(TaskCompletion::of(&event).unwrap().is_none());
    assert_eq!(activity_result(&event).unwrap(), None);
    assert_eq!(marker_name(&event).unwrap(), None);
    assert_eq!(accepted_after(&event).unwrap(), None);
}
