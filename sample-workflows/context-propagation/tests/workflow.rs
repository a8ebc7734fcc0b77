//! The header, on its way from a workflow through a child to an activity.

use context_propagation::{Checkout, ShopActivities, TENANT};
use guest_sdk::Payload;
use host_client::StartOptions;
use workflow_test::TestEnvironment;

#[tokio::test]
async fn the_activity_of_a_child_gets_the_header() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder().activities(ShopActivities).start().await?;
    let headers = [(TENANT.to_owned(), Payload::from_value("acme")?)].into();
    let options = StartOptions { headers, ..environment.options() };
    let checkout = environment.client().start_workflow(Checkout::run, (), options).await?;
    assert_eq!(environment.result(&checkout).await?, "shipped for acme");
    Ok(())
}

#[tokio::test]
async fn without_the_header_it_fails() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder().activities(ShopActivities).start().await?;
    let error = environment.execute_workflow(Checkout::run, ()).await.expect_err("no client set it");
    assert!(format!("{error:?}").contains("no tenant in the headers"), "{error:?}");
    Ok(())
}
