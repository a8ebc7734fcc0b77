//! A cart, in the sandbox.

use local_activities::{Cart, CartActivities};
use workflow_test::TestEnvironment;

#[tokio::test]
async fn prices_are_asked_for_within_the_workflow_task() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder().activities(CartActivities).start().await?;
    let articles = ["cup", "tea", "sugar"].map(str::to_owned).to_vec();
    let workflow = environment.start_workflow(Cart::run, articles).await?;
    let receipt = environment.result(&workflow).await?;
    assert_eq!((receipt.cents, receipt.payment.as_str()), (1100, "payment-1100"));

    // One marker for each price, instead of three events and a workflow task.
    let (mut markers, mut scheduled) = (0, 0);
    let mut history = workflow.history();
    while let Some(event) = history.next().await? {
        match format!("{:?}", event.event_type()).as_str() {
            "MarkerRecorded" => markers += 1,
            "ActivityTaskScheduled" => scheduled += 1,
            _ => {}
        }
    }
    assert_eq!((markers, scheduled), (3, 1));
    Ok(())
}
