//! A timer of days, with time that is skipped.

use std::time::{Duration, UNIX_EPOCH};

use updatable_timer::UpdatableTimer;
use workflow_test::TestEnvironment;

const DAY: u64 = 86_400;

#[tokio::test]
async fn a_signal_moves_the_end_of_the_timer() -> anyhow::Result<()> {
    let environment = TestEnvironment::new().await?;
    let now = environment.now().duration_since(UNIX_EPOCH)?.as_secs();
    for changed in [now + 10 * DAY, now + 50 * DAY] {
        let timer = environment.start_workflow(UpdatableTimer::run, now + 30 * DAY).await?;
        timer.signal(UpdatableTimer::set_wake_up_time, changed).await?;
        assert_eq!(timer.query(UpdatableTimer::wake_up_time, (), Default::default()).await?, changed);
        let woke_up = environment.result(&timer).await?;
        assert!((changed..changed + DAY).contains(&woke_up), "{woke_up}, not {changed}");
    }
    Ok(())
}

#[tokio::test]
async fn a_time_that_is_past_ends_it_at_once() -> anyhow::Result<()> {
    let environment = TestEnvironment::new().await?;
    let now = environment.now();
    let timer = environment.start_workflow(UpdatableTimer::run, 1_u64).await?;
    environment.result(&timer).await?;
    assert!(environment.now().duration_since(now)? < Duration::from_secs(3600));
    Ok(())
}
