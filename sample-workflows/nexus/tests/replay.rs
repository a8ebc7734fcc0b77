//! Recorded histories replay.

replay_test::main!("histories");
