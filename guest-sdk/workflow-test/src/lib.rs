//! Runs the workflows of a crate in its tests, in the sandbox and against the embedded service, with time that is
//! skipped: a workflow that waits 30 days ends in milliseconds.
//!
//! In `Cargo.toml` of the workflow crate:
//!
//! ```toml
//! [dev-dependencies]
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! workflow-test = { … }
//! ```
//!
//! and in a test:
//!
//! ```no_run
//! # use workflow_test::{ActivityMock, TestEnvironment};
//! # use guest_sdk::{ApplicationFailure, activity_definitions};
//! # const GREETINGS: host_client::NamedWorkflow<(String,), String> = host_client::NamedWorkflow::new("Greetings");
//! # pub struct Greeter;
//! # #[activity_definitions]
//! # impl Greeter {
//! #     #[activity]
//! #     fn compose_greeting(name: String) -> Result<String, ApplicationFailure> { unimplemented!() }
//! # }
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let greet = ActivityMock::new(Greeter::compose_greeting, |(name,)| {
//!     Ok::<_, ApplicationFailure>(format!("Hi, {name}!"))
//! });
//! let environment = TestEnvironment::builder().mock(&greet).start().await?;
//! let greeting = environment.execute_workflow(GREETINGS, ("Ada".to_owned(),)).await?;
//! assert_eq!(greeting, "Hi, Ada!");
//! assert_eq!(greet.calls(), [("Ada".to_owned(),)]);
//! # Ok(())
//! # }
//! ```
//!
//! Time goes on as usual while a test works with an environment, and is skipped while it waits for a result
//! ([`TestEnvironment::execute_workflow`], [`TestEnvironment::result`]) or sleeps in it ([`TestEnvironment::sleep`]): as
//! soon as no workflow task and no activity is in progress, to the next timer, timeout or retry. Environments are
//! independent of each other; a test program may have several at once.
//!
//! [`ActivityEnvironment`] calls an activity alone, without a workflow.

/// Its code is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../guide/tests.md")]
struct Guide;

mod activity_environment;
mod environment;
mod error;
mod mock;
mod module;

pub use activity_environment::ActivityEnvironment;
pub use environment::{Builder, TestEnvironment};
pub use error::Error;
pub use host_activities::CancelReason;
pub use mock::ActivityMock;
