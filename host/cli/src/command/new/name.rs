//! Names of crates.

/// Most characters of a name, as crates.io has it.
const MAX_LENGTH: usize = 64;

/// Names that the crate's dependencies or the standard library have, and those that cargo refuses for a program: the
/// folders in which it builds.
const TAKEN: &[&str] = &[
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "guest-build",
    "guest-sdk",
    "guest-sdk-macros",
    "guest-sdk-types",
    "host",
    "host-activities",
    "host-client",
    "incremental",
    "proc-macro",
    "replay-test",
    "serde",
    "std",
    "test",
    "tokio",
    "workflow-test",
];

/// The keywords of Rust, reserved ones included (The Rust Reference, Keywords).
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// A name that a package, its library and its program can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CrateName(String);

/// Why a text is not such a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadName {
    #[error("it has small letters, digits, - and _, and begins with a letter")]
    Characters,
    #[error("it has at most {MAX_LENGTH} characters")]
    Length,
    #[error("Rust, cargo or a dependency of the crate has it")]
    Taken,
}

impl CrateName {
    pub(super) fn new(name: &str) -> Result<Self, BadName> {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if !name.starts_with(|first: char| first.is_ascii_lowercase()) || !name.bytes().all(is_allowed) {
            return Err(BadName::Characters);
        }
        if name.len() > MAX_LENGTH {
            return Err(BadName::Length);
        }
        let spelled = name.replace('_', "-");
        if TAKEN.contains(&&*spelled) || KEYWORDS.contains(&name) {
            return Err(BadName::Taken);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name of the package and its program.
    pub(super) fn package(&self) -> &str {
        &self.0
    }

    /// The name of the library in Rust, and of the module's file.
    pub(super) fn library(&self) -> String {
        self.0.replace('-', "_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_crates() {
        let check = |name: &str, expected: Result<&str, BadName>| {
            let made = CrateName::new(name).map(|name| name.library());
            assert_eq!(made.as_deref().map_err(|error| *error), expected, "{name}");
        };
        check("hello", Ok("hello"));
        check("my-shop_2", Ok("my_shop_2"));
        for name in ["", "2go", "-a", "Hello", "a.b", "größe", "a b", "..", "a\"\n"] {
            check(name, Err(BadName::Characters));
        }
        check(&"a".repeat(65), Err(BadName::Length));
        for name in ["host", "guest_sdk", "async", "test", "core", "deps"] {
            check(name, Err(BadName::Taken));
        }
    }
}
