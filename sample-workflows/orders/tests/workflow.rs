//! Orders in the sandbox, with their own activities or with closures in place of them, and with time that is skipped.

use std::time::Duration;

use guest_sdk::Failure;
use guest_sdk::activities::ActivityError;
use orders::{Item, Order, OrderActivities, Orders};
use workflow_test::{ActivityMock, TestEnvironment};

const DAY: Duration = Duration::from_secs(86_400);

fn order(packing: Duration) -> Order {
    let item = Item { sku: "tea".to_owned(), quantity: 2, price_cents: 350 };
    Order {
        id: "7".to_owned(),
        items: vec![item],
        card: "visa".to_owned(),
        packing_seconds: packing.as_secs(),
    }
}

#[tokio::test]
async fn an_order_that_is_packed_for_a_month_ships() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder().activities(OrderActivities::default()).start().await?;
    let begin = environment.now();
    let shipped = environment.execute_workflow(Orders::run, order(30 * DAY)).await?;
    assert_eq!(shipped.total_cents, 700);
    assert_eq!(shipped.reservations, ["7/2xtea"]);
    let took = environment.now().duration_since(begin)?;
    assert!(took >= 30 * DAY && took < 31 * DAY, "{took:?}");
    environment.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn the_state_of_an_order_that_is_being_packed() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder().activities(OrderActivities::default()).start().await?;
    let handle = environment.start_workflow(Orders::run, order(2 * DAY)).await?;
    environment.sleep(DAY).await;
    assert_eq!(handle.query(Orders::steps_done, (), Default::default()).await?, 2);
    assert!(handle.closed_now().await?.is_none());
    environment.result(&handle).await?;
    Ok(())
}

#[tokio::test]
async fn a_declined_card_releases_what_was_reserved() -> anyhow::Result<()> {
    let reserve = ActivityMock::new(OrderActivities::reserve, |(_, item)| {
        Ok::<_, ActivityError>(format!("r-{}", item.sku))
    });
    let charge = ActivityMock::new(OrderActivities::charge, |_| {
        Err::<_, ActivityError>(
            Failure::application("CardDeclined", "no funds").non_retryable().build().into(),
        )
    });
    let release = ActivityMock::new(OrderActivities::release, |_| Ok::<_, ActivityError>(()));
    let environment = TestEnvironment::builder().mock(&reserve).mock(&charge).mock(&release).start().await?;
    let error =
        environment.execute_workflow(Orders::run, order(DAY)).await.expect_err("the card is declined");
    assert!(format!("{error:?}").contains("CardDeclined"), "{error:?}");
    assert_eq!(charge.calls(), [("7".to_owned(), "visa".to_owned(), 700)]);
    assert_eq!(release.calls(), [("r-tea".to_owned(),)]);
    Ok(())
}
