//! Namespaces: those that the host is started with, and those that clients register. Runs, schedules and batch
//! operations name their namespace; its id is made of its name.
//!
//! One that is deleted is not found by any call from then on. What it had is removed in the background ([`reclaim`]);
//! until nothing is left, its name is not free.

pub(crate) mod describe;
pub(crate) mod namespaces;
pub(crate) mod reclaim;
pub(crate) mod record;
pub(crate) mod request;
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
