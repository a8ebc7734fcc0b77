//! The host's side of a workflow that is written in C: its activity.
//!
//! The workflow is `c/reminder.c`, on the bindings that `wit-bindgen` makes of `wit/`; no SDK and no C library are behind
//! it. `reminder.wasm` is what is built from it, so that nothing here needs a C compiler. `docs/other-languages.md` has each
//! step.

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{ApplicationFailure, activities};

/// The activity of the workflow.
#[derive(Debug)]
pub struct Reminders;

#[activities]
impl Reminders {
    /// Reminds a person for the so-many-th time, from 1. Returns what was said.
    #[activity]
    pub async fn remind(_ctx: ActivityContext, person: String, number: u32) -> Result<String, ActivityError> {
        if person.is_empty() {
            return Err(ApplicationFailure::non_retryable("there is no person to remind").into());
        }
        Ok(format!("{person}, this is reminder {number}"))
    }
}
