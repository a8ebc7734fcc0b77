//! A module with one workflow, which issues no command.

use bindings::workflow::host::activation::{Query, Task, Update};
use bindings::workflow::host::definition::WorkflowDefinition;
use bindings::workflow::host::types::{Failure, Payload};

struct Module;

impl bindings::Guest for Module {
    fn definitions() -> Vec<WorkflowDefinition> {
        vec![bindings::definition("Plain")]
    }

    fn activate(_: Task) -> Result<(), Failure> {
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
