//! Imports an interface that the gate does not know.

use bindings::workflow::host::activation::{Query, Task, Update};
use bindings::workflow::host::definition::WorkflowDefinition;
use bindings::workflow::host::types::{Failure, Payload};

wit_bindgen::generate!({
    inline: "
        package acme:coffee@1.0.0;
        interface machine { brew: func(); }
        world office { import machine; }
    ",
});

struct Module;

impl bindings::Guest for Module {
    fn definitions() -> Vec<WorkflowDefinition> {
        vec![bindings::definition("Stranger")]
    }

    fn activate(_: Task) -> Result<(), Failure> {
        acme::coffee::machine::brew();
        Ok(())
    }

    fn query(_: Query) -> Result<Option<Payload>, Failure> {
        Ok(None)
    }

    fn validate_update(_: Update) -> Result<(), Failure> {
        Ok(())
    }
}

bindings::contract::export!(Module with_types_in bindings::contract);
