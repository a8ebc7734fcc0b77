//! The files that people give as modules: files, and folders of `*.wasm` files.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use host_sandbox::limits::MAX_MODULE_BYTES;

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
    /// The file is larger than [`MAX_MODULE_BYTES`].
    #[error("{} has {bytes} bytes, and a module may have {MAX_MODULE_BYTES}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
    },
}

/// The module files of paths, each once, sorted within a folder.
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
/// When it cannot be read, or is larger than a module may be.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let bytes = fs::metadata(path).map_err(unreadable(path))?.len();
    if usize::try_from(bytes).is_ok_and(|bytes| bytes <= MAX_MODULE_BYTES) {
        fs::read(path).map_err(unreadable(path))
    } else {
        Err(FileError::TooLarge { path: path.to_owned(), bytes })
    }
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
    Ok(files)
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError::Unreadable { path: path.to_owned(), source }
}
