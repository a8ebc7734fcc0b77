//! The imports of the contract, one file for each interface.

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
use crate::store_data::StoreData;
use crate::wit::{Failure, WorkflowModule, workflow::host};

// bindgen makes a trait for interfaces that only define types, too.
impl host::types::Host for StoreData {}
impl host::activation::Host for StoreData {}
impl host::definition::Host for StoreData {}

/// Links every interface of the contract.
pub(crate) fn link(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
    WorkflowModule::add_to_linker::<_, HasSelf<StoreData>>(linker, |data| data)
}

/// Checks that a sequence number was assigned; `last` is the last assigned one.
fn known(seq: u32, last: u32, what: &str) -> wasmtime::Result<()> {
    if seq == 0 || seq > last {
        return Err(misuse(format!("it cancelled {what} {seq}, and there is none with that number")));
    }
    Ok(())
}

/// Checks that a failure of the guest has 1 to [`MAX_FAILURE_LINKS`] links.
pub(crate) fn checked(failure: &Failure) -> wasmtime::Result<()> {
    if failure.is_empty() || failure.len() > MAX_FAILURE_LINKS {
        return Err(misuse(format!(
            "it made a failure with {} links, and there must be 1 to {MAX_FAILURE_LINKS}",
            failure.len()
        )));
    }
    Ok(())
}
