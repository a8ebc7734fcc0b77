//! SDK for workflow crates: workflows in the sandbox, activities on the host.
