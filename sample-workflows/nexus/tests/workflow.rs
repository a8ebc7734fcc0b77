//! An order that comes back, in the sandbox.

use nexus::{Order, Receipt, Return, payments};
use workflow_test::TestEnvironment;

const ENDPOINT: &str = "payments";

async fn returned(seconds: u64) -> anyhow::Result<Receipt> {
    let environment = TestEnvironment::builder().nexus_service(payments()).start().await?;
    environment.create_nexus_endpoint(ENDPOINT).await?;
    let order = Order { number: 7, cents: 1_000 };
    Ok(environment.execute_workflow(Return::run, (ENDPOINT.to_owned(), order, seconds)).await?)
}

#[tokio::test]
async fn a_refund_is_paid() -> anyhow::Result<()> {
    assert_eq!(returned(60).await?, Receipt { cents: 980, payment: Some("payment-7".to_owned()) });
    Ok(())
}

#[tokio::test]
async fn a_refund_that_takes_too_long_is_called_off() -> anyhow::Result<()> {
    assert_eq!(returned(1).await?, Receipt { cents: 980, payment: None });
    Ok(())
}
