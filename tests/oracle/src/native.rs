//! The workflows of the benchmarks and of the test of patches, on Temporal's Rust SDK. `guest` has the same ones on ours.

use std::{sync::Mutex, time::Duration};

use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError, activities},
    workflows::{join_all, workflow, workflow_methods},
};

/// What an activity takes and gives back.
const TEXT_BYTES: usize = 100;

fn options() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_secs(10))
}

/// One activity.
#[workflow]
#[derive(Default)]
pub struct Hello;

#[workflow_methods]
impl Hello {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, text: String) -> WorkflowResult<String> {
        Ok(ctx.execute_activity(Echo::echo, text, options()).await?)
    }
}

/// Activities one after another.
#[workflow]
#[derive(Default)]
pub struct Chain;

#[workflow_methods]
impl Chain {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, count: u32) -> WorkflowResult<String> {
        let mut text = "x".repeat(TEXT_BYTES);
        for _ in 0..count {
            text = ctx.execute_activity(Echo::echo, text, options()).await?;
        }
        Ok(text)
    }
}

/// Activities at once.
#[workflow]
#[derive(Default)]
pub struct Fan;

#[workflow_methods]
impl Fan {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, count: u32) -> WorkflowResult<usize> {
        let text = "x".repeat(TEXT_BYTES);
        let texts: Vec<_> =
            (0..count).map(|_| ctx.execute_activity(Echo::echo, text.clone(), options())).collect();
        let mut bytes = 0;
        for text in join_all(texts).await {
            bytes += text?.len();
        }
        Ok(bytes)
    }
}

/// What calls for a patch answered, in the run that was replayed last.
static ANSWERS: Mutex<Vec<bool>> = Mutex::new(Vec::new());

/// Takes the answers that runs of [`Patched`] got since the last call.
pub fn take_answers() -> Vec<bool> {
    std::mem::take(&mut ANSWERS.lock().unwrap())
}

/// Asks for the patch `p` twice, each time before an activity: `new_path` where it takes the new path. The
/// argument says what code stands there.
#[workflow]
#[derive(Default)]
pub struct Patched;

#[workflow_methods]
impl Patched {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, code: String) -> WorkflowResult<String> {
        for _ in 0..2 {
            let (answer, is_new) = match code.as_str() {
                "before the change" => (None, false),
                "patched" => {
                    let patched = ctx.patched("p");
                    (Some(patched), patched)
                }
                "deprecate_patch" => (Some(ctx.deprecate_patch("p")), true),
                _ => (None, true),
            };
            ANSWERS.lock().unwrap().extend(answer);
            let answer = answer.map_or_else(String::new, |answer| answer.to_string());
            if is_new {
                ctx.execute_activity(Echo::new_path, answer, options()).await?;
            } else {
                ctx.execute_activity(Echo::old_path, answer, options()).await?;
            }
        }
        Ok(String::new())
    }
}

/// What the workflows ask for.
pub struct Echo;

#[activities]
impl Echo {
    #[activity(name = "echo")]
    pub async fn echo(_ctx: ActivityContext, text: String) -> Result<String, ActivityError> {
        Ok(text)
    }

    #[activity(name = "old_path")]
    pub async fn old_path(_ctx: ActivityContext, answer: String) -> Result<String, ActivityError> {
        Ok(answer)
    }

    #[activity(name = "new_path")]
    pub async fn new_path(_ctx: ActivityContext, answer: String) -> Result<String, ActivityError> {
        Ok(answer)
    }
}
