#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::too_many_lines,
    reason = "generated from the contract, whose items carry their own documentation"
)]
//! Types and traits of the contract, generated from `wit/`.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "workflow-module",
    imports: { default: trappable },
    additional_derives: [PartialEq],
    require_store_data_send: true,
});
