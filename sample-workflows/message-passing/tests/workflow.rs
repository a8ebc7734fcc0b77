//! Clients of the workflow, in the sandbox.

use message_passing::{Greeting, GreetingActivities, Language};
use workflow_test::TestEnvironment;

#[tokio::test]
async fn clients_ask_tell_and_change_a_workflow() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder().activities(GreetingActivities).start().await?;
    let workflow = environment.start_workflow(Greeting::run, ()).await?;
    let known = workflow.query(Greeting::languages, (), Default::default()).await?;
    assert_eq!(known, [Language::English, Language::French]);

    let before =
        workflow.execute_update(Greeting::set_language, Language::French, Default::default()).await?;
    assert_eq!(before, Language::English);
    assert_eq!(workflow.query(Greeting::language, (), Default::default()).await?, Language::French);
    let rejected = workflow.execute_update(Greeting::set_language, Language::Hindi, Default::default()).await;
    let rejected = format!("{:?}", rejected.expect_err("the validator rejects it"));
    assert!(rejected.contains("Hindi is not among the known languages"), "{rejected}");

    let update = |language| workflow.execute_update(Greeting::look_up_language, language, Default::default());
    assert_eq!(update(Language::Hindi).await?, Language::French);
    let failed = format!("{:?}", update(Language::Klingon).await.expect_err("there is no such greeting"));
    assert!(failed.contains("there is no greeting in Klingon"), "{failed}");

    workflow.signal(Greeting::approve, "Ada".to_owned()).await?;
    assert_eq!(environment.result(&workflow).await?, "नमस्ते, दुनिया");
    Ok(())
}
