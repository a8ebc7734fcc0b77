//! The imports of the contract, one file an interface.

mod activities;
mod child_workflows;
mod external_workflows;
mod log;
mod metrics;
mod nexus;
mod random;
mod time;
mod workflow;

use wasmtime::component::{HasSelf, Linker};

use crate::fault::misuse;
use crate::limits::MAX_FAILURE_LINKS;
use crate::run::Run;
use crate::wit::{Failure, WorkflowModule, workflow::host};

// Interfaces that only define types still have a trait.
impl host::types::Host for Run {}
impl host::activation::Host for Run {}
impl host::definition::Host for Run {}

/// Links every interface of the contract.
pub(crate) fn link(linker: &mut Linker<Run>) -> wasmtime::Result<()> {
    WorkflowModule::add_to_linker::<_, HasSelf<Run>>(linker, |run| run)
}

/// Whether something with this sequence number was ever asked for; `last` is the last one given out.
fn known(seq: u32, last: u32, what: &str) -> wasmtime::Result<()> {
    if seq == 0 || seq > last {
        return Err(misuse(format!("it cancelled {what} {seq}, and there is none with that number")));
    }
    Ok(())
}

/// Whether a failure that a guest made is one.
fn checked(failure: &Failure) -> wasmtime::Result<()> {
    if failure.is_empty() || failure.len() > MAX_FAILURE_LINKS {
        return Err(misuse(format!(
            "it made a failure with {} links, and there must be 1 to {MAX_FAILURE_LINKS}",
            failure.len()
        )));
    }
    Ok(())
}
