//! Keys of AES-256, and where they come from.

use std::{fmt, path::Path, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Bytes of a key of AES-256.
const KEY_BYTES: usize = 32;

/// A key with the id that payloads name.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    pub(crate) id: String,
    pub(crate) bytes: [u8; KEY_BYTES],
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not of the form of an argument.
    #[error("expected ID=file:PATH, ID=env:VARIABLE or ID=command:COMMAND")]
    Form,
    /// It could not be read.
    #[error("failed to read key `{id}` from {from}: {why}")]
    Unread {
        /// The id of the key.
        id: String,
        /// The file, variable or command.
        from: String,
        /// What went wrong.
        why: String,
    },
    /// What was read is no key.
    #[error("key `{id}` is not 32 bytes, in hexadecimal, in base64 or as they are")]
    Length {
        /// The id of the key.
        id: String,
    },
}

impl Key {
    /// A key from what a file, a variable or a command has: 32 bytes as they are, in hexadecimal or in base64.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn new(id: impl Into<String>, contents: &[u8]) -> Result<Self, KeyError> {
        let id = id.into();
        match decoded(contents) {
            Some(bytes) => Ok(Self { id, bytes }),
            None => Err(KeyError::Length { id }),
        }
    }

    /// Reads the key that an argument names: `ID=file:PATH`, `ID=env:VARIABLE`, or `ID=command:COMMAND`, whose standard
    /// output is the key.
    ///
    /// # Errors
    ///
    /// When it is of another form, or there is no key.
    pub fn read(argument: &str) -> Result<Self, KeyError> {
        let (id, from) = argument.split_once('=').ok_or(KeyError::Form)?;
        let (kind, name) = from.split_once(':').ok_or(KeyError::Form)?;
        let read = match kind {
            "file" => std::fs::read(Path::new(name)).map_err(|error| error.to_string()),
            "env" => std::env::var(name).map(String::into_bytes).map_err(|error| error.to_string()),
            "command" => output(name),
            _ => return Err(KeyError::Form),
        };
        let unread = |why| KeyError::Unread { id: id.to_owned(), from: from.to_owned(), why };
        Self::new(id, &read.map_err(unread)?)
    }
}

fn output(command: &str) -> Result<Vec<u8>, String> {
    let output = Command::new("sh").arg("-c").arg(command).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(output.stdout) } else { Err(output.status.to_string()) }
}

fn decoded(contents: &[u8]) -> Option<[u8; KEY_BYTES]> {
    if let Ok(bytes) = contents.try_into() {
        return Some(bytes);
    }
    let text = contents.trim_ascii();
    let bytes = match text.len() {
        KEY_BYTES => text.to_vec(),
        64 => hex::decode(text).ok()?,
        _ => STANDARD.decode(text).ok()?,
    };
    bytes.try_into().ok()
}

impl fmt::Debug for Key {
    /// Without the key itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_three_spellings() {
        let raw = b"test-key-test-key-test-key-test!";
        let plain = Key::new("k", raw).unwrap();
        for spelling in [
            format!("{}\n", hex::encode(raw)),
            STANDARD.encode(raw),
            format!("{}\n", String::from_utf8_lossy(raw)),
        ] {
            assert_eq!(Key::new("k", spelling.as_bytes()).unwrap(), plain, "{spelling}");
        }
        let short = Key::new("k", b"short").unwrap_err().to_string();
        assert_eq!(short, "key `k` is not 32 bytes, in hexadecimal, in base64 or as they are");
        assert!(!format!("{plain:?}").contains("116"), "{plain:?}");
    }

    #[test]
    fn keys_come_from_commands_and_files() {
        let key = Key::read("k=command:printf test-key-test-key-test-key-test!").unwrap();
        assert_eq!(key, Key::new("k", b"test-key-test-key-test-key-test!").unwrap());
        for (argument, why) in [
            ("k", "expected ID=file:PATH, ID=env:VARIABLE or ID=command:COMMAND"),
            ("k=disk:/x", "expected ID=file:PATH, ID=env:VARIABLE or ID=command:COMMAND"),
            ("k=command:exit 3", "failed to read key `k` from command:exit 3: exit status: 3"),
            ("k=file:/no/such", "failed to read key `k` from file:/no/such: "),
        ] {
            let error = Key::read(argument).unwrap_err().to_string();
            assert!(error.starts_with(why), "{argument}: {error}");
        }
    }
}
