//! Modules: their files, the store that keeps their bytes, the catalog that says which one serves a
//! type, and how histories name them. Does not know the service.

pub mod build_id;
pub mod catalog;
pub mod files;
mod loaded;
mod loads;
pub mod pinning;
pub mod store;
pub mod watch;

pub use loaded::LoadedModule;
