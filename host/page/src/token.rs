//! The token: who has it may act, all others only read.

use std::{
    fmt, fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use uuid::Uuid;

/// Name of the file in the data folder.
const FILE: &str = "page.token";
/// Longest file that is read as a token, in bytes.
const MAX_BYTES: usize = 256;

/// A secret of the data folder, in a file that only its user can read.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The file cannot be read or written.
    #[error("keep the token of the page in {}", path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file has something else.
    #[error("{} has no token of the page: remove it, and a new one is made", path.display())]
    Broken {
        /// The path of the file.
        path: PathBuf,
    },
}

impl Token {
    /// The token of a data folder; a new one if there is none. The file has mode 0600.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written, or has something else.
    pub fn of_folder(data_folder: &Path) -> Result<Self, TokenError> {
        let path = data_folder.join(FILE);
        let failed = |source| TokenError::File { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            read => {
                // Another program may have made it readable for others, such as the restore of a backup.
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
                return Self::parse(&read.map_err(failed)?)
                    .ok_or_else(|| TokenError::Broken { path: path.clone() });
            }
        }
        let token = Self(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()));
        let write = || -> io::Result<bool> {
            fs::create_dir_all(data_folder)?;
            // With mode 0600 from the beginning.
            let mut file = NamedTempFile::new_in(data_folder)?;
            file.write_all(token.0.as_bytes())?;
            match file.persist_noclobber(&path) {
                Ok(_) => Ok(true),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error.error),
            }
        };
        // Another host of the folder may have been faster.
        if write().map_err(failed)? { Ok(token) } else { Self::of_folder(data_folder) }
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_one =
            (32..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_one.then(|| Self(text.to_owned()))
    }

    /// Whether a text is the token. Takes as long for every text of its length.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        let differs =
            self.0.bytes().zip(text.bytes()).fold(0, |differs, (one, other)| differs | (one ^ other));
        self.0.len() == text.len() && differs == 0
    }

    /// The text itself, for the address that is printed and for the cookie.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_token() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let token = Token::of_folder(&data).unwrap();
        let path = data.join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(Token::of_folder(&data).unwrap(), token);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "short").unwrap();
        assert!(matches!(Token::of_folder(&data), Err(TokenError::Broken { .. })));
    }

    #[test]
    fn only_the_whole_token_is_it() {
        let token = Token::parse(&"a1".repeat(32)).unwrap();
        assert!(token.is(&"a1".repeat(32)));
        for other in ["", "a1", &"a1".repeat(33), &"a2".repeat(32)] {
            assert!(!token.is(other), "{other}");
        }
        assert_eq!(format!("{token:?}"), "Token");
    }
}
