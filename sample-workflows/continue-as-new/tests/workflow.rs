//! Polls of a job, in the sandbox.

use std::time::Duration;

use continue_as_new::{JobActivities, Wait, WaitForJob};
use guest_sdk::activities::ActivityError;
use workflow_test::{ActivityMock, TestEnvironment};

fn wait() -> Wait {
    Wait { job: "backup".to_owned(), polls: 0 }
}

#[tokio::test]
async fn a_job_is_polled_over_several_runs() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder().activities(JobActivities::default()).start().await?;
    let begin = environment.now();
    let workflow = environment.start_workflow(WaitForJob::run, wait()).await?;
    let done = environment.result(&workflow).await?;
    assert_eq!((done.result.as_str(), done.polls), ("backup is done", 12));
    // Eleven pauses, in three runs.
    let took = environment.now().duration_since(begin)?;
    assert!(took >= Duration::from_secs(11), "{took:?}");
    let mut runs = vec![workflow];
    while let Some(event) = runs[runs.len() - 1].closed_now().await?
        && let Some(next) = runs[runs.len() - 1].continued_as(&event.event)
    {
        runs.push(next);
    }
    assert_eq!(runs.len(), 3);
    Ok(())
}

#[tokio::test]
async fn cancellation_ends_the_polls() -> anyhow::Result<()> {
    let poll = ActivityMock::new(JobActivities::result, |_| Ok::<_, ActivityError>(None));
    let environment = TestEnvironment::builder().mock(&poll).start().await?;
    let workflow = environment.start_workflow(WaitForJob::run, wait()).await?;
    environment.sleep(Duration::from_millis(1500)).await;
    workflow.cancel("enough").await?;
    let error = environment.result(&workflow).await.expect_err("it is cancelled");
    assert!(format!("{error:?}").contains("Cancel"), "{error:?}");
    let polls = poll.calls().len();
    assert!((2..10).contains(&polls), "{polls}");
    Ok(())
}
