//! How histories name modules: build ids made of digests.

use host_sandbox::Digest;

/// What build ids of this host begin with. Any other build id is another worker's.
pub const PREFIX: &str = "wasm-sha256-";

/// The build id that stands in history (`worker_version_stamp.build_id`) for tasks that a module
/// executed.
#[must_use]
pub fn of(digest: &Digest) -> String {
    format!("{PREFIX}{digest}")
}

/// The digest that a build id names; nothing when a worker of another kind wrote it.
#[must_use]
pub fn parse(build_id: &str) -> Option<Digest> {
    parse_digest(build_id.strip_prefix(PREFIX)?)
}

/// A digest from its 64 hexadecimal digits, in the one spelling that the service compares.
#[must_use]
pub fn parse_digest(digits: &str) -> Option<Digest> {
    let lower = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    if !digits.bytes().all(lower) {
        return None;
    }
    let mut digest = [0; 32];
    hex::decode_to_slice(digits, &mut digest).ok()?;
    Some(Digest(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn build_ids_come_back() {
        let digest = parse_digest(ABC).unwrap();
        assert_eq!(of(&digest), format!("wasm-sha256-{ABC}"));
        assert_eq!(parse(&of(&digest)), Some(digest));
    }

    #[test]
    fn build_ids_of_other_workers_name_nothing() {
        let upper = format!("wasm-sha256-{}", ABC.to_uppercase());
        for build_id in ["", "wasm-sha256-", "wasm-sha256-ba7816", &*upper, ABC, "1.35.0+python"] {
            assert_eq!(parse(build_id), None, "{build_id}");
        }
    }
}
