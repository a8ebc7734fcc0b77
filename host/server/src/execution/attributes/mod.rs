//! What workers say about a run besides its events: search attributes and memo.

pub(crate) mod modify_properties;
pub(crate) mod upsert_search_attributes;
