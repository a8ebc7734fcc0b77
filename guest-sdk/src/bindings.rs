//! The types and functions that wit-bindgen generates from `wit/`.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    clippy::undocumented_unsafe_blocks,
    reason = "generated"
)]

wit_bindgen::generate!({
    // A link to the folder at the root, so that a package of this crate has the files.
    path: "wit",
    world: "workflow-module",
    pub_export_macro: true,
    export_macro_name: "export_module",
    runtime_path: "::guest_sdk::__private::wit_bindgen::rt",
    default_bindings_module: "::guest_sdk::__private::bindings",
});
