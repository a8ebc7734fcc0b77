//! Child workflows: a book whose chapters are written at once, each by a workflow of its own. A chapter that fails does
//! not fail the book.

use std::time::Duration;

use guest_sdk::{
    ApplicationFailure, ChildWorkflowOptions, SignalWorkflowOptions, SyncWorkflowContext, WorkflowContext,
    WorkflowContextView, WorkflowResult, join_all, workflow, workflow_methods,
};
use serde::{Deserialize, Serialize};

/// A book as far as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The texts of the chapters that were written, in their order.
    pub chapters: Vec<String>,
    /// Why chapters are missing.
    pub missing: Vec<String>,
}

/// The parent.
#[workflow]
#[derive(Debug, Default)]
pub struct Book;

#[workflow_methods]
impl Book {
    /// Writes this number of chapters.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, chapters: u32) -> WorkflowResult<Written> {
        // A child has a workflow id of its own, by which clients find it.
        let options = |number| {
            let id = format!("{}/chapter-{number}", ctx.workflow_id());
            ChildWorkflowOptions::workflow_id(id).with_static_summary(format!("writes chapter {number}"))
        };
        let starts =
            (1..=chapters).map(|number| ctx.start_child_workflow(Chapter::run, number, options(number)));
        let mut children = Vec::new();
        for started in join_all(starts.collect::<Vec<_>>()).await {
            children.push(started?);
        }

        // Signals reach a child as soon as it has started.
        if let Some(first) = children.first() {
            let title = "How it began".to_owned();
            first.signal(Chapter::rename, title, SignalWorkflowOptions::default()).await?;
        }

        let mut written = Written::default();
        for result in join_all(children.into_iter().map(|child| child.result())).await {
            match result {
                Ok(chapter) => written.chapters.push(chapter),
                // The failure of the chapter is the cause of the failure of the child workflow.
                Err(error) => written.missing.push(error.cause().map_or(String::new(), ToString::to_string)),
            }
        }
        Ok(written)
    }
}

/// A child.
#[workflow]
#[derive(Debug)]
pub struct Chapter {
    title: String,
}

#[workflow_methods]
impl Chapter {
    #[init]
    fn new(_ctx: &WorkflowContextView, number: u32) -> Self {
        Self { title: format!("Chapter {number}") }
    }

    /// Writes a chapter in two seconds. The thirteenth fails.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, number: u32) -> WorkflowResult<String> {
        ctx.timer(Duration::from_secs(2)).await;
        if number == 13 {
            return Err(ApplicationFailure::non_retryable("no author dares to write chapter 13").into());
        }
        Ok(ctx.state(|state| format!("{}: …", state.title)))
    }

    /// Changes the title.
    #[signal]
    pub fn rename(&mut self, _ctx: &mut SyncWorkflowContext<Self>, title: String) {
        self.title = title;
    }
}

guest_sdk::export!(Book, Chapter);
