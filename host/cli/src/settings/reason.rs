//! The reason of what a user asks for and gives no reason.

/// The reason without `--reason`.
pub(crate) fn default_reason() -> String {
    match std::env::var("USER") {
        Ok(user) if !user.is_empty() => format!("requested with host by {user}"),
        _ => "requested with host".to_owned(),
    }
}
