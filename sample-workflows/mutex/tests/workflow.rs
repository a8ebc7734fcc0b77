//! Workflows that want the same resource, in the sandbox.

use std::time::Duration;

use mutex::{Mutex, Work};
use workflow_test::TestEnvironment;

#[tokio::test]
async fn one_after_another_has_the_resource() -> anyhow::Result<()> {
    let environment = TestEnvironment::new().await?;
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(environment.start_workflow(Work::run, ("printer".to_owned(), 100_u64)).await?);
    }
    let mut times = Vec::new();
    for worker in &workers {
        times.push(environment.result(worker).await?);
    }
    times.sort_unstable();
    assert!(times.windows(2).all(|pair| pair[0].1 <= pair[1].0), "two at once: {times:?}");
    assert!(times.iter().all(|(begin, end)| end - begin >= 100), "{times:?}");
    Ok(())
}

#[tokio::test]
async fn a_cancelled_holder_gives_it_back() -> anyhow::Result<()> {
    let environment = TestEnvironment::new().await?;
    let first = environment.start_workflow(Work::run, ("oven".to_owned(), 100_000_u64)).await?;
    environment.sleep(Duration::from_secs(10)).await;
    let mutex = environment.client().workflow_handle("mutex-oven", None);
    let holder = mutex.query(Mutex::holder, (), Default::default()).await?;
    assert_eq!(holder.as_deref(), Some(first.workflow_id()));

    let second = environment.start_workflow(Work::run, ("oven".to_owned(), 100_u64)).await?;
    let begin = environment.now();
    first.cancel("enough").await?;
    environment.result(&second).await?;
    assert!(environment.now().duration_since(begin)? < Duration::from_secs(1000));
    Ok(())
}
