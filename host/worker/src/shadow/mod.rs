//! Shadows: a candidate replays what live runs do, as they do it, and what it would have done otherwise is reported. Its
//! commands go nowhere.
//!
//! After each workflow task the live path shows what came with it, if there is room ([`ShadowFeed`]); it never waits. The
//! follower has guests of its own, in the background, and fetches what it missed.

mod feed;
mod follower;
mod report;

pub use feed::ShadowFeed;
pub(crate) use feed::{Seen, SeenEnd};
pub(crate) use follower::Follower;
pub use follower::MAX_FOLLOWED_RUNS;
pub use report::ShadowReport;
