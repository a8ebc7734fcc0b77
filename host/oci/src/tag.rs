//! Tags: names that are moved from one module to another. Each module has one more, made of its digest, which stays.

use crate::OciError;

/// Characters of a tag, as registries have it.
pub(crate) const MAX_TAG_LENGTH: usize = 128;

/// What a tag that is made of a digest begins with.
const OF_DIGEST: &str = "sha256-";

pub(crate) fn check(tag: &str) -> Result<(), OciError> {
    let is_first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_tag = tag.bytes().next().is_some_and(is_first)
        && tag.len() <= MAX_TAG_LENGTH
        && tag.bytes().all(|byte| is_first(byte) || byte == b'.' || byte == b'-');
    if is_tag { Ok(()) } else { Err(OciError::Tag(tag.to_owned())) }
}

/// The tag by which a module is found whose digest has these 64 hexadecimal digits. A registry finds a manifest by tag or by
/// the manifest's digest, and not by that of the module.
pub(crate) fn of_digest(digits: &str) -> String {
    format!("{OF_DIGEST}{digits}")
}

/// Whether a tag is made of a digest, and so says nothing to people.
pub(crate) fn is_of_digest(tag: &str) -> bool {
    tag.strip_prefix(OF_DIGEST).is_some_and(is_digits)
}

/// Whether a text is the digits of a SHA-256.
pub(crate) fn is_digits(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}
