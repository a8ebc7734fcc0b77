//! Recorded histories replay on the module in the tree.

replay_test::main!(module = "reminder.wasm"; "histories");
