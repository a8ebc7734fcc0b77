//! A batch, in the sandbox.

use sliding_window::{Batch, SlidingWindow};
use workflow_test::TestEnvironment;

#[tokio::test]
async fn a_batch_is_processed_over_several_runs() -> anyhow::Result<()> {
    let environment = TestEnvironment::new().await?;
    let batch = Batch { records: 25, window: 4, starts_per_run: 10, next: 0, running: [].into(), done: 0 };
    let workflow = environment.start_workflow(SlidingWindow::run, batch).await?;
    assert_eq!(environment.result(&workflow).await?, 25);

    // The handle is one of the first run, which started ten; two others followed.
    let progress = workflow.query(SlidingWindow::progress, (), Default::default()).await?;
    assert_eq!(progress.next, 10);
    let last = environment.client().workflow_handle(workflow.workflow_id(), None);
    let progress = last.query(SlidingWindow::progress, (), Default::default()).await?;
    assert_eq!((progress.done, progress.next, progress.running.len()), (25, 25, 0));
    Ok(())
}
