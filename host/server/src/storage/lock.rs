//! One process per data folder.

use std::{
    fs::{File, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use crate::storage::{StorageError, private};

/// File that is locked while a process uses the folder; holds its process id.
const LOCK_FILE: &str = "lock";

/// The lock on a data folder. The system gives it up when this is dropped or the process ends.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(super) fn take(folder: &Path) -> Result<Self, StorageError> {
        let failed = |source| StorageError::Folder { folder: folder.to_owned(), source };
        private::prepare_folder(folder).map_err(failed)?;
        let mut file = private::create_file(&folder.join(LOCK_FILE)).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                if file.read_to_string(&mut holder).is_err() || holder.is_empty() {
                    "unknown".clone_into(&mut holder);
                }
                return Err(StorageError::Locked { folder: folder.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "process {}", std::process::id())
        };
        write(&mut file).map_err(failed)?;
        Ok(Self { _file: file })
    }
}
