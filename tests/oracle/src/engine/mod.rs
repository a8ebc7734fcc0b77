//! The two engines that replay a history with a guest.

mod ours;
mod reported;
mod sdk_core;

pub use ours::{Pages, replay as replay_ours};
pub use sdk_core::{SILENT, replay as replay_sdk_core};
