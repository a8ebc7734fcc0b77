//! Modules by the first digits of their digests, as people name them.

use super::store::Admitted;

/// Why digits name no module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigitsError {
    /// They are those of several modules.
    #[error("several modules have a digest that begins with {0}")]
    Several(String),
    /// They are those of none.
    #[error("no module with digest {0} was admitted here: `host modules list` shows those that were")]
    Unknown(String),
}

/// The admitted module whose digest begins with these digits.
///
/// # Errors
///
/// When there is none, or more than one.
pub fn find<'m>(admitted: &'m [Admitted], digits: &str) -> Result<&'m Admitted, DigitsError> {
    let digits = digits.to_lowercase();
    let mut found = admitted.iter().filter(|module| module.digest.to_string().starts_with(&digits));
    match (found.next(), found.next()) {
        (Some(module), None) => Ok(module),
        (Some(_), Some(_)) => Err(DigitsError::Several(digits)),
        (None, _) => Err(DigitsError::Unknown(digits)),
    }
}
