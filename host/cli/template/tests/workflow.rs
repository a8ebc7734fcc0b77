//! The workflow in the sandbox, with time that is skipped: with its activity, and with a closure in its place.

use guest_sdk::activities::ActivityError;
use starter::{Birthday, Kitchen, Person};
use workflow_test::{ActivityMock, TestEnvironment};

fn ada() -> Person {
    Person { name: "Ada".to_owned(), age: 36 }
}

#[tokio::test]
async fn a_birthday_with_a_cake() -> Result<(), Box<dyn std::error::Error>> {
    let environment = TestEnvironment::builder().activities(Kitchen).start().await?;
    let end = environment.execute_workflow(Birthday::run, ada()).await?;
    assert_eq!(end, "Ada blows out 37 candles");
    environment.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_cake_has_a_candle_for_each_year() -> Result<(), Box<dyn std::error::Error>> {
    let bake = ActivityMock::new(Kitchen::bake, |_| Ok::<_, ActivityError>("nothing".to_owned()));
    let environment = TestEnvironment::builder().mock(&bake).start().await?;
    let end = environment.execute_workflow(Birthday::run, ada()).await?;
    assert_eq!(end, "Ada blows out nothing");
    assert_eq!(bake.calls(), [(37,)]);
    environment.shutdown().await;
    Ok(())
}
