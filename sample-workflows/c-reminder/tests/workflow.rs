//! The workflow in C in the sandbox, on the embedded service, with time that is skipped.

use std::{path::Path, time::Duration};

use c_reminder::Reminders;
use guest_sdk::{ApplicationFailure, activities::ActivityError};
use host_client::{NamedQuery, NamedSignal, NamedWorkflow, WorkflowHandle};
use workflow_test::{ActivityMock, Builder, TestEnvironment};

type Reminder = NamedWorkflow<(String, u64), u32>;

const REMINDER: Reminder = Reminder::new("Reminder");
const DONE: NamedSignal<Reminder, ()> = NamedSignal::new("done");
const SENT: NamedQuery<Reminder, (), u32> = NamedQuery::new("reminders");
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn environment() -> Builder {
    TestEnvironment::builder().module(Path::new(env!("CARGO_MANIFEST_DIR")).join("reminder.wasm"))
}

async fn started(environment: &TestEnvironment) -> anyhow::Result<WorkflowHandle<Reminder>> {
    Ok(environment.start_workflow(REMINDER, ("Ada".to_owned(), DAY.as_secs())).await?)
}

#[tokio::test]
async fn a_person_is_reminded_until_it_is_done() -> anyhow::Result<()> {
    let remind = ActivityMock::new(Reminders::remind, |(person, number)| {
        Ok::<_, ActivityError>(format!("{person}: {number}"))
    });
    let calls = (1..=3).map(|number| ("Ada".to_owned(), number)).collect::<Vec<_>>();
    for cached_runs in [0, 1] {
        let environment = environment().mock(&remind).cached_runs(cached_runs).start().await?;
        let workflow = started(&environment).await?;
        environment.sleep(DAY * 7 / 2).await;
        assert_eq!(workflow.query(SENT, (), Default::default()).await?, 3);
        assert!(remind.calls().ends_with(&calls));
        workflow.signal(DONE, ()).await?;
        assert_eq!(environment.result(&workflow).await?, 3);
    }
    Ok(())
}

#[tokio::test]
async fn a_failure_of_the_activity_is_that_of_the_workflow() -> anyhow::Result<()> {
    let remind = ActivityMock::new(Reminders::remind, |_| {
        let failure = ApplicationFailure::application("Deaf", "no answer").non_retryable().build();
        Err::<String, ActivityError>(failure.into())
    });
    let environment = environment().mock(&remind).start().await?;
    let workflow = started(&environment).await?;
    let failed = format!("{:?}", environment.result(&workflow).await.expect_err("the activity fails"));
    assert!(failed.contains("no answer") && failed.contains("Deaf"), "{failed}");
    Ok(())
}

#[tokio::test]
async fn a_cancelled_run_ends_as_cancelled() -> anyhow::Result<()> {
    let environment = environment().activities(Reminders).start().await?;
    let workflow = started(&environment).await?;
    workflow.cancel("Ada is away").await?;
    let cancelled = format!("{:?}", environment.result(&workflow).await.expect_err("the run is cancelled"));
    assert!(cancelled.contains("Canceled"), "{cancelled}");
    Ok(())
}
