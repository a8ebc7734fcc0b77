//! The bindings of the contract, for the guests of this folder.

pub mod contract {
    //! Generated.
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "workflow-module",
        pub_export_macro: true,
        generate_all,
    });
}

pub use contract::{Guest, workflow};

use contract::workflow::host::definition::{VersioningBehavior, WorkflowDefinition};

/// A workflow type without handlers.
pub fn definition(name: &str) -> WorkflowDefinition {
    WorkflowDefinition {
        name: name.to_owned(),
        signals: Vec::new(),
        queries: Vec::new(),
        updates: Vec::new(),
        versioning_behavior: VersioningBehavior::Unspecified,
    }
}
