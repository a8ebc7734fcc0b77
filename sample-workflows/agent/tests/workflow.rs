//! A conversation, in the sandbox, with time that is skipped.

use std::time::Duration;

use agent::{Agent, Decision, Entry, Tools};
use guest_sdk::activities::ActivityError;
use workflow_test::{ActivityMock, TestEnvironment};

const WEEK: Duration = Duration::from_secs(7 * 86_400);

#[tokio::test]
async fn a_conversation_with_a_person_who_takes_a_week() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder().activities(Tools).start().await?;
    let agent = environment.start_workflow(Agent::run, Vec::new()).await?;
    agent.signal(Agent::message, "How is the weather?".to_owned()).await?;
    environment.sleep(WEEK).await;
    agent.signal(Agent::message, "Berlin".to_owned()).await?;
    environment.sleep(WEEK).await;
    agent.signal(Agent::message, "And in Atlantis?".to_owned()).await?;
    agent.signal(Agent::end, ()).await?;
    let entries = environment.result(&agent).await?;

    let conversation = agent.query(Agent::conversation, (), Default::default()).await?;
    assert_eq!(entries, conversation.len());
    let answers = conversation.iter().filter_map(|entry| match entry {
        Entry::Model(Decision::Ask(text) | Decision::Answer(text)) => Some(text.as_str()),
        _ => None,
    });
    let answers: Vec<&str> = answers.collect();
    assert_eq!(answers[..2], ["In which city?", "It is sunny in Berlin."]);
    assert_eq!(answers[2], "I cannot tell: there is no such city");
    Ok(())
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_told_to_the_model() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder().activities(Tools).start().await?;
    let agent = environment.start_workflow(Agent::run, vec![Entry::Person("Who wins?".to_owned())]).await?;
    agent.signal(Agent::end, ()).await?;
    environment.result(&agent).await?;
    let conversation = agent.query(Agent::conversation, (), Default::default()).await?;
    assert!(
        matches!(&conversation[2], Entry::ToolFailed(reason) if reason.contains("oracle")),
        "{conversation:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_model_that_never_answers_ends_the_conversation() -> anyhow::Result<()> {
    let call = Decision::Call { tool: "weather".to_owned(), argument: "Berlin".to_owned() };
    let decide = ActivityMock::new(Tools::decide, move |_| Ok::<_, ActivityError>(call.clone()));
    let weather = ActivityMock::new(Tools::weather, |_| Ok::<_, ActivityError>("sunny".to_owned()));
    let environment = TestEnvironment::builder().mock(&decide).mock(&weather).start().await?;
    let begun = vec![Entry::Person("How is the weather in Berlin?".to_owned())];
    let error = environment.execute_workflow(Agent::run, begun).await.expect_err("it gives up");
    assert!(format!("{error:?}").contains("does not come to an answer"), "{error:?}");
    assert_eq!(decide.calls().len(), 20);
    Ok(())
}
