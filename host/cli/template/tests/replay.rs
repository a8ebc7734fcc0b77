//! Recorded histories replay: a change of the workflow that runs which are open could not follow fails here.

replay_test::main!("histories");
