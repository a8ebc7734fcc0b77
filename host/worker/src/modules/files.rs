//! The files that people give as modules: files, and folders of `*.wasm` files.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use host_sandbox::limits::MAX_MODULE_BYTES;
use rustix::fs::OFlags;

/// What the names of module files in a folder end with.
const EXTENSION: &str = "wasm";

/// Why a path yields no module file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file or folder cannot be read.
    #[error("read {}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The path is a folder without `*.wasm` files.
    #[error(
        "no *.{EXTENSION} file in folder {}: build a workflow crate for wasm32-wasip2 and put the component there",
        path.display()
    )]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The path is a pipe, a device or a socket.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is larger than a module ([`MAX_MODULE_BYTES`]) or a signature may be.
    #[error("{} has {bytes} bytes, and it may have {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// The bytes that it may have.
        limit: u64,
    },
}

/// The module files of paths, each once; within a folder sorted by name, numbers in names by their value.
///
/// # Errors
///
/// When a path is not there, or a folder has no module.
pub fn list(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FileError> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(unreadable(path))?;
        let found = if metadata.is_dir() { in_folder(path)? } else { vec![path.clone()] };
        if found.is_empty() {
            return Err(FileError::EmptyFolder { path: path.clone() });
        }
        for file in found {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

/// The bytes of a module file.
///
/// # Errors
///
/// When it cannot be read, is no regular file, or is larger than a module may be. None of them is waited for, or read
/// to its end.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    read_bounded(path, MAX_MODULE_BYTES)
}

/// The bytes of a regular file of at most so many bytes.
pub(super) fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    // The file is opened once, and what is read is what was checked. A pipe would wait for its writer.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = fs::File::options().read(true).custom_flags(flags).open(path).map_err(unreadable(path))?;
    let metadata = file.metadata().map_err(unreadable(path))?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile { path: path.to_owned() });
    }
    let limit = limit as u64;
    let too_large = |bytes| FileError::TooLarge { path: path.to_owned(), bytes, limit };
    if metadata.len() > limit {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::new();
    // It may have grown meanwhile.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable(path))?;
    if bytes.len() as u64 > limit { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension() == Some(OsStr::new(EXTENSION)) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    files.sort_by_cached_key(|path| parts(path));
    Ok(files)
}

/// The name of a file as texts and the numbers behind them: `orders-v9` comes before `orders-v10`.
fn parts(path: &Path) -> Vec<(String, usize, String)> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut rest: &str = &name;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let digits_at = rest.find(|digit: char| digit.is_ascii_digit()).unwrap_or(rest.len());
        let (text, behind) = rest.split_at(digits_at);
        let digits_end = behind.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(behind.len());
        let (digits, behind) = behind.split_at(digits_end);
        let number = digits.trim_start_matches('0');
        // The longer number is the larger one.
        parts.push((text.to_owned(), number.len(), number.to_owned()));
        rest = behind;
    }
    parts
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError::Unreadable { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_modules_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a.wasm"), b"module").unwrap();
        assert_eq!(read(&path("a.wasm")).unwrap(), b"module");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe.wasm"), mode).unwrap();
        for other in [path("pipe.wasm"), folder.path().to_owned(), PathBuf::from("/dev/zero")] {
            let error = read(&other).unwrap_err();
            assert!(matches!(error, FileError::NotAFile { .. }), "{error}");
        }
        // Two gigabytes that take no room on the disk.
        fs::File::create(path("huge.wasm")).unwrap().set_len(2 << 30).unwrap();
        let error = read(&path("huge.wasm")).unwrap_err().to_string();
        assert!(error.ends_with("has 2147483648 bytes, and it may have 67108864"), "{error}");
    }
}
