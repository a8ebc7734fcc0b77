//! A book and its chapters, in the sandbox.

use child_workflows::{Book, Chapter};
use workflow_test::TestEnvironment;

#[tokio::test]
async fn chapters_are_written_at_once_and_one_is_missing() -> anyhow::Result<()> {
    let environment = TestEnvironment::new().await?;
    let begin = environment.now();
    let book = environment.execute_workflow(Book::run, 13_u32).await?;
    assert_eq!(book.chapters.len(), 12);
    assert_eq!(book.chapters[..2], ["How it began: …", "Chapter 2: …"]);
    assert_eq!(book.missing, ["no author dares to write chapter 13"]);
    let took = environment.now().duration_since(begin)?;
    assert!(took.as_secs() < 2 * 13, "one after another: {took:?}");
    Ok(())
}

#[tokio::test]
async fn a_chapter_is_a_workflow_of_its_own() -> anyhow::Result<()> {
    let environment = TestEnvironment::new().await?;
    assert_eq!(environment.execute_workflow(Chapter::run, 7_u32).await?, "Chapter 7: …");
    Ok(())
}
