//! Modules: their files, the store that keeps their bytes, the catalog that says which one serves a
//! type, and how histories name them, and the audit of what was done to them. Does not know the service.

pub mod audit;
pub mod build_id;
pub mod canary;
pub mod catalog;
pub mod digits;
pub mod files;
mod loaded;
mod loads;
pub mod origin;
pub mod pinning;
pub mod policy;
pub mod signed;
pub mod store;
pub mod watch;

pub use loaded::LoadedModule;
