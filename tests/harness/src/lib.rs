//! What end-to-end tests share: a service, hosts as processes, command lines.
//!
//! Tests use the binaries as a user does: command lines, gRPC, the file system.

mod binaries;
mod bomb;
mod command;
mod compiled;
mod embedded;
mod host;
pub mod http;
pub mod markdown;
mod needs;
mod port;
mod renamed;
mod temporal;
mod units;
mod variants;
mod written;

pub use binaries::{binary, cargo, component, optimized_binary, workspace_root};
pub use bomb::compiler_bomb;
pub use command::{Output, run, run_json};
pub use compiled::share_compiled;
pub use embedded::Embedded;
pub use host::{Host, HostOptions, Service};
pub use libtest_mimic::Trial;
pub use needs::{Missing, lacks, python, python_script, run_tests, test, test_needing};
pub use port::free_port;
pub use renamed::renamed_script;
pub use temporal::Temporal;
pub use units::Units;
pub use variants::{auto_upgrade, compatible, incompatible, numbered, panicking, pinned, script_guest};
pub use written::Written;
