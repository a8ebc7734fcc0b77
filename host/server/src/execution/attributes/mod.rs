//! Search attributes and memo of a run, which its workflow changes by commands.

pub(crate) mod modify_properties;
pub(crate) mod state;
pub(crate) mod upsert_search_attributes;
