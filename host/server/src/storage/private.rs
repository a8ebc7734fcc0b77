//! The folder and its files are for their owner alone: histories hold what workflows were given.

use std::{fs, io, path::Path};

#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};

/// Mode of the folder: read, write and enter for its owner.
#[cfg(unix)]
const FOLDER_MODE: u32 = 0o700;
/// Mode of its files: read and write for their owner.
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;
/// The bits of a mode that say what it is for others.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// Makes a folder if it is not there; takes from others what they may do with it and its files. Elsewhere than on Unix
/// the system's defaults stay.
///
/// # Errors
///
/// When the folder cannot be made, read or changed.
pub(super) fn prepare_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(FOLDER_MODE);
    builder.create(folder)?;
    #[cfg(unix)]
    tighten_all(folder)?;
    Ok(())
}

/// Makes a file if it is not there.
///
/// # Errors
///
/// When it cannot be made.
pub(super) fn create_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    options.mode(FILE_MODE);
    options.open(path)
}

#[cfg(unix)]
fn tighten_all(folder: &Path) -> io::Result<()> {
    let mut tightened = u32::from(tighten(folder, FOLDER_MODE)?);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            tightened += u32::from(tighten(&entry.path(), FILE_MODE)?);
        }
    }
    if tightened > 0 {
        tracing::warn!(
            folder = %folder.display(),
            "others could read the data folder: it and its files are for their owner alone now"
        );
    }
    Ok(())
}

/// Answers whether others could do something with it.
#[cfg(unix)]
fn tighten(path: &Path, mode: u32) -> io::Result<bool> {
    let is_open = fs::metadata(path)?.mode() & OTHERS != 0;
    if is_open {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok(is_open)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::storage::SqliteStorage;

    fn modes(folder: &Path) -> Vec<(String, u32)> {
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut modes: Vec<_> =
            files.map(|path| (path.file_name().unwrap().display().to_string(), mode(&path))).collect();
        modes.push((".".to_owned(), mode(folder)));
        modes
    }

    #[test]
    fn others_may_do_nothing_with_the_folder() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("data/service");
        for life in ["new", "tightened"] {
            let opened = SqliteStorage::open(&folder).unwrap();
            let modes = modes(&folder);
            assert!(modes.len() > 5, "{modes:?}");
            for (name, mode) in modes {
                assert_eq!(mode & OTHERS, 0, "{life}: {name} has {mode:o}");
            }
            drop(opened);
            // As an earlier version left it.
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
            for entry in fs::read_dir(&folder).unwrap() {
                fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(0o644)).unwrap();
            }
        }
    }
}
