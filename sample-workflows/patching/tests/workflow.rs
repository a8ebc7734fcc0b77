//! The new path. The old one is in `histories/before.json`.

use patching::{Loan, LoanActivities};
use workflow_test::TestEnvironment;

#[tokio::test]
async fn new_runs_take_the_new_path() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder().activities(LoanActivities).start().await?;
    for (euros, expected) in [(500, "Ada gets 500 euros"), (50_000, "Ada gets no loan")] {
        let told = environment.execute_workflow(Loan::run, ("Ada".to_owned(), euros)).await?;
        assert_eq!(told, expected);
    }
    Ok(())
}
