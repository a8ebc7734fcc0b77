//! What the service knows, as functions of (state, input, now): no async, no I/O, no clock, no
//! randomness. Ids and times are inputs; runs that are not in memory come through [`archive::Archive`].
//!
//! [`run::Run`] is one run, changed by [`fact::Fact`]s only; [`step::Step`] is one change in the
//! making; [`world::World`] is all runs, and what they do to each other. Requests and commands have
//! a file each.

pub(crate) mod activity;
pub(crate) mod archive;
mod buffer;
mod close;
mod commands;
pub(crate) mod deadline;
pub(crate) mod describe;
pub(crate) mod error;
pub(crate) mod fact;
pub(crate) mod limits;
pub(crate) mod list;
pub(crate) mod next_run;
mod other_runs;
pub(crate) mod requests;
mod restart;
mod retry;
pub(crate) mod run;
pub(crate) mod step;
pub(crate) mod time;
mod workflow_task;
pub(crate) mod world;

#[cfg(test)]
mod tests;

/// The id of a namespace. Clients want one; nothing here needs more than the name.
pub(crate) fn namespace_id(namespace: &str) -> String {
    if namespace.is_empty() {
        return String::new();
    }
    // FNV-1a twice with different bases: stable, and different for different names.
    let hash = |basis: u64| {
        namespace.bytes().fold(basis, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let (high, low) = (hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
