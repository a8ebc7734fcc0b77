//! Which modules each host on a store has loaded, so that no other host removes them.
//!
//! ```text
//! <data folder>/modules/hosts/<random>.json    the process and its modules; locked as long as the process lives
//! ```

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use host_sandbox::Digest;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use serde::{Deserialize, Serialize};

use super::{ModuleStore, StoreError, beside, file};
use crate::modules::build_id;

const FOLDER: &str = "hosts";
const EXTENSION: &str = "json";
/// How often a file is read that its host is just writing.
const READS: u32 = 10;
const BETWEEN_READS: Duration = Duration::from_millis(10);

/// The modules that a process has loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::modules) struct LoadedElsewhere {
    /// Id of the process, on its own machine.
    pub(in crate::modules) process: u32,
    /// Their digests, in hexadecimal digits.
    modules: Vec<String>,
}

impl LoadedElsewhere {
    pub(in crate::modules) fn modules(&self) -> impl Iterator<Item = Digest> {
        self.modules.iter().filter_map(|digest| build_id::parse_digest(digest))
    }
}

/// The file in which a host says what it has loaded. A host that is killed leaves the file, and not its lock.
#[derive(Debug)]
pub(in crate::modules) struct LoadedHere {
    file: File,
    path: PathBuf,
    written: Vec<Digest>,
}

impl LoadedHere {
    /// Says what is loaded, if that was not said before.
    pub(in crate::modules) fn write(&mut self, modules: Vec<Digest>) -> Result<(), StoreError> {
        if modules == self.written {
            return Ok(());
        }
        write(&self.file, &modules).map_err(file("write", &self.path))?;
        self.written = modules;
        Ok(())
    }
}

impl Drop for LoadedHere {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// In place, because the lock is on this file; a reader that finds a part of it reads again.
fn write(mut file: &File, modules: &[Digest]) -> io::Result<()> {
    let modules = modules.iter().map(ToString::to_string).collect();
    let text = serde_json::to_vec(&LoadedElsewhere { process: std::process::id(), modules })?;
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(&text)
}

impl ModuleStore {
    /// Says what this host has loaded.
    pub(in crate::modules) fn say_loaded(&self, modules: Vec<Digest>) -> Result<LoadedHere, StoreError> {
        // Not all hosts get to remove their files.
        let _ = self.loaded_elsewhere(None);
        let folder = self.folder.join(FOLDER);
        let new = || -> io::Result<(File, PathBuf)> {
            fs::create_dir_all(&folder)?;
            // Others read it once it has its name: by then it is locked and written.
            let new = beside(&folder)?;
            flock(new.as_file(), FlockOperation::NonBlockingLockExclusive)?;
            write(new.as_file(), &modules)?;
            let path = new.path().with_added_extension(EXTENSION);
            Ok((new.persist(&path).map_err(|error| error.error)?, path))
        };
        let (file, path) = new().map_err(file("write in", &folder))?;
        Ok(LoadedHere { file, path, written: modules })
    }

    /// What other hosts on the store have loaded. Removes the files of hosts that were killed.
    pub(in crate::modules) fn loaded_elsewhere(
        &self,
        here: Option<&LoadedHere>,
    ) -> Result<Vec<LoadedElsewhere>, StoreError> {
        let folder = self.folder.join(FOLDER);
        let failed = |source| file("read folder", &folder)(source);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut hosts = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let is_own = here.is_some_and(|here| here.path == path);
            if !is_own && path.extension().is_some_and(|it| it == EXTENSION) {
                hosts.extend(read(&path).map_err(file("read", &path))?);
            }
        }
        Ok(hosts)
    }
}

/// What a host that is alive has loaded.
fn read(path: &Path) -> io::Result<Option<LoadedElsewhere>> {
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let mut file = match File::open(path) {
        Err(error) if gone(&error) => return Ok(None),
        file => file?,
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(Errno::WOULDBLOCK) => {}
        Err(error) => return Err(error.into()),
        Ok(()) => {
            return match fs::remove_file(path) {
                Err(error) if !gone(&error) => Err(error),
                _ => Ok(None),
            };
        }
    }
    let mut text = Vec::new();
    for _ in 0..READS {
        text.clear();
        file.rewind()?;
        file.read_to_end(&mut text)?;
        if let Ok(loaded) = serde_json::from_slice(&text) {
            return Ok(Some(loaded));
        }
        thread::sleep(BETWEEN_READS);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "it does not say what a host has loaded"))
}

#[cfg(test)]
mod tests {
    use super::{super::StoreAccess, *};

    const ONE: Digest = Digest([1; 32]);
    const TWO: Digest = Digest([2; 32]);

    #[test]
    fn hosts_tell_each_other_what_they_have_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] =
            [(); 2].map(|()| ModuleStore::open(folder.path(), StoreAccess::default()).unwrap());
        let check = |store: &ModuleStore, here: Option<&LoadedHere>, expected: &[&[Digest]]| {
            let hosts = store.loaded_elsewhere(here).unwrap();
            assert!(hosts.iter().all(|host| host.process == std::process::id()));
            let mut found: Vec<Vec<Digest>> = hosts.iter().map(|host| host.modules().collect()).collect();
            found.sort();
            assert_eq!(found, expected);
        };
        check(&first, None, &[]);
        let mut here = first.say_loaded(vec![ONE, TWO]).unwrap();
        check(&first, Some(&here), &[]);
        check(&second, None, &[&[ONE, TWO]]);
        here.write(vec![TWO]).unwrap();
        let other = second.say_loaded(Vec::new()).unwrap();
        check(&second, Some(&other), &[&[TWO]]);
        check(&first, Some(&here), &[&[]]);

        // A host that was killed has left its file.
        let left = folder.path().join("modules/hosts/left.json");
        fs::copy(&here.path, &left).unwrap();
        check(&second, Some(&other), &[&[TWO]]);
        assert!(!left.exists());
        // One that says nothing is not taken for one that has loaded nothing.
        here.file.set_len(0).unwrap();
        let error = second.loaded_elsewhere(Some(&other)).unwrap_err();
        assert!(matches!(error, StoreError::File { action: "read", .. }), "{error}");
        drop((here, other));
        check(&first, None, &[]);
    }
}
