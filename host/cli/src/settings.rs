//! Arguments that several commands share, one file each, and the options made of them.

pub(crate) mod codec;
pub(crate) mod connection;
pub(crate) mod data_dir;
pub(crate) mod duration;
pub(crate) mod embedded;
pub(crate) mod execution;
#[cfg(test)]
mod fuzz;
pub(crate) mod http;
pub(crate) mod input;
pub(crate) mod logging;
pub(crate) mod manifest;
pub(crate) mod modules;
pub(crate) mod nexus;
pub(crate) mod page;
pub(crate) mod pairs;
pub(crate) mod reason;
pub(crate) mod search_attribute;
pub(crate) mod selection;
pub(crate) mod size;
pub(crate) mod start;
pub(crate) mod tls;
pub(crate) mod worker;
