//! What a data converter does to the payloads and failures of a run.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::sync::Once;

use converted::{Answers, CONVERTER, PANICS, Passes};
use guest_sdk::{WorkflowDefinition, activities::ActivityError};
use host_client::WorkflowHandle;
use host_wire::temporal::api::{
    enums::v1::EventType,
    history::v1::{HistoryEvent, history_event::Attributes},
};
use workflow_test::{ActivityMock, TestEnvironment};

/// An environment whose activity answers with this word. The client and the activities of the test have the converter too.
async fn environment(answer: &'static str) -> TestEnvironment {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| assert!(CONVERTER.install()));
    let mock = ActivityMock::new(Answers::answer, move |(word, times): (String, u32)| {
        assert_eq!((word.as_str(), times), ("lamp", 73));
        Ok::<_, ActivityError>(answer.to_owned())
    });
    TestEnvironment::builder().mock(&mock).start().await.unwrap()
}

async fn events<W: WorkflowDefinition>(workflow: &WorkflowHandle<W>) -> Vec<HistoryEvent> {
    let mut history = workflow.history();
    let mut events = Vec::new();
    while let Some(event) = history.next().await.unwrap() {
        events.push(event);
    }
    events
}

#[tokio::test]
async fn every_value_is_converted() -> anyhow::Result<()> {
    let environment = environment("yes").await;
    let workflow = environment.start_workflow(Passes::run, ("lamp", 73)).await?;
    workflow.signal(Passes::hear, "tea").await?;
    assert_eq!(environment.result(&workflow).await?, "yes");
    assert_eq!(workflow.query(Passes::heard, (), Default::default()).await?, ["tea"]);

    let mut seen = Vec::new();
    for event in events(&workflow).await {
        let payloads = match event.attributes.unwrap() {
            Attributes::ActivityTaskScheduledEventAttributes(scheduled) => scheduled.input,
            Attributes::ActivityTaskCompletedEventAttributes(completed) => completed.result,
            Attributes::WorkflowExecutionCompletedEventAttributes(completed) => completed.result,
            _ => None,
        };
        seen.extend(payloads.into_iter().flat_map(|payloads| payloads.payloads));
    }
    let texts: Vec<_> =
        seen.iter().map(|payload| String::from_utf8_lossy(&payload.data).into_owned()).collect();
    assert_eq!(texts, ["\"pmal\"", "37", "\"sey\"", "\"sey\""]);
    assert!(seen.iter().all(|payload| payload.metadata["encoding"] == "json/backwards"[..]), "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn messages_of_failures_are_encoded() -> anyhow::Result<()> {
    let environment = environment("fail").await;
    let workflow = environment.start_workflow(Passes::run, ("lamp", 73)).await?;
    environment.result(&workflow).await.expect_err("the run fails");
    let last = events(&workflow).await.pop().unwrap();
    let Some(Attributes::WorkflowExecutionFailedEventAttributes(failed)) = last.attributes else {
        panic!("{last:?}")
    };
    let failure = failed.failure.unwrap();
    assert_eq!(failure.message, "Encoded failure");
    let attributes = String::from_utf8_lossy(&failure.encoded_attributes.unwrap().data).into_owned();
    assert!(attributes.contains("it was asked to"), "{attributes}");
    Ok(())
}

/// The task fails, and is tried again: the run stays open until a converter can do it.
#[tokio::test]
async fn a_converter_that_panics_fails_the_task() -> anyhow::Result<()> {
    let environment = environment(PANICS).await;
    let workflow = environment.start_workflow(Passes::run, ("lamp", 73)).await?;
    let mut history = workflow.follow();
    let failed = loop {
        let event = history.next().await?.unwrap();
        if event.event_type() == EventType::WorkflowTaskFailed {
            break event;
        }
    };
    let Some(Attributes::WorkflowTaskFailedEventAttributes(failed)) = failed.attributes else { panic!() };
    let message = failed.failure.unwrap().message;
    assert!(message.contains("the workflow panicked: the converter stumbles"), "{message}");
    Ok(())
}
