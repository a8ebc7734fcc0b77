//! Watches module files, and has what changes in them admitted.
//!
//! The system says when to look, or two seconds pass; then sizes and times of the files decide. A file
//! is taken once it has stopped changing, so that a half-written module is not judged. One that is
//! not a module changes nothing and is reported; one that disappears goes on serving until the host is
//! restarted, for builds remove before they write.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, SystemTime},
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::{catalog::Catalog, files};

/// How long a file must not have changed before it is taken.
const SETTLE: Duration = Duration::from_millis(200);

/// How often files are looked at when the system says nothing: some file systems never do.
const RESCAN: Duration = Duration::from_secs(2);

/// Watches module files until it is dropped.
#[derive(Debug)]
pub struct Watch {
    /// Its handler holds the sender whose end stops the thread.
    _notify: Option<RecommendedWatcher>,
    _wake: mpsc::SyncSender<()>,
}

impl Watch {
    /// Starts to watch the files and folders that a catalog was opened with, on a thread of its own. Every file that is
    /// there or changes is given to `take`, which asks [`Catalog::changed_file`] what is new in it.
    ///
    /// # Errors
    ///
    /// When the system starts no more threads.
    pub fn start(catalog: Arc<Catalog>, take: impl Fn(&Path) + Send + 'static) -> io::Result<Self> {
        // One place: a wake-up that finds another one waiting has nothing to add.
        let (wake, woken) = mpsc::sync_channel(1);
        let notify = match subscribe(catalog.paths(), wake.clone()) {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(%error, "the system does not report changed files, so they are looked at every {RESCAN:?}");
                None
            }
        };
        thread::Builder::new()
            .name("watch-modules".to_owned())
            .spawn(move || watch(&catalog, &take, &woken))?;
        Ok(Self { _notify: notify, _wake: wake })
    }
}

fn subscribe(paths: &[PathBuf], wake: mpsc::SyncSender<()>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |_| {
        // What happened where is for the files to say.
        let _ = wake.try_send(());
    })?;
    for path in paths {
        // A file is watched by its folder: one that is replaced by renaming is another file.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = if path.is_dir() { path } else { parent.unwrap_or(Path::new(".")) };
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn watch(catalog: &Catalog, take: &dyn Fn(&Path), woken: &mpsc::Receiver<()>) {
    let mut watched = Watched::default();
    loop {
        let settled = watched.look(stamps(catalog.paths()));
        for path in settled {
            take(&path);
        }
        let pause = if watched.is_unsettled() { SETTLE } else { RESCAN };
        match woken.recv_timeout(pause) {
            // More changes follow on the first one at once.
            Ok(()) => thread::sleep(SETTLE),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Identifies the content of a file without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    size_bytes: u64,
    modified: Option<SystemTime>,
    /// Changes when the file is replaced by renaming. 0 where there are no inodes.
    inode: u64,
}

fn stamps(paths: &[PathBuf]) -> BTreeMap<PathBuf, Stamp> {
    let mut stamps = BTreeMap::new();
    for path in paths {
        // One that is not there just now is looked for again.
        for file in files::list(std::slice::from_ref(path)).unwrap_or_default() {
            if let Ok(metadata) = fs::metadata(&file) {
                stamps.insert(file, stamp(&metadata));
            }
        }
    }
    stamps
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let inode = 0;
    Stamp { size_bytes: metadata.len(), modified: metadata.modified().ok(), inode }
}

/// Tells files that have settled from those that still change.
#[derive(Debug, Default)]
struct Watched {
    /// The content of each file that was admitted or refused.
    taken: BTreeMap<PathBuf, Stamp>,
    /// The content of files that have changed since, as the last look found them.
    changing: BTreeMap<PathBuf, Stamp>,
}

impl Watched {
    /// Takes a look, and gives the files that are new or changed, and the same as at the last look.
    fn look(&mut self, stamps: BTreeMap<PathBuf, Stamp>) -> Vec<PathBuf> {
        let mut settled = Vec::new();
        let before = std::mem::take(&mut self.changing);
        for (path, stamp) in stamps {
            if self.taken.get(&path) == Some(&stamp) {
                continue;
            }
            if before.get(&path) == Some(&stamp) {
                self.taken.insert(path.clone(), stamp);
                settled.push(path);
            } else {
                self.changing.insert(path, stamp);
            }
        }
        settled
    }

    fn is_unsettled(&self) -> bool {
        !self.changing.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks, each `file=size …`, and after `->` the files that have settled at that look.
    fn check(looks: &str) {
        let mut watched = Watched::default();
        for (number, look) in looks.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            let (seen, expected) = look.split_once("->").unwrap();
            let stamps = seen.split_whitespace().map(|file| {
                let (path, size) = file.split_once('=').unwrap();
                let stamp = Stamp { size_bytes: size.parse().unwrap(), modified: None, inode: 0 };
                (PathBuf::from(path), stamp)
            });
            let settled = watched.look(stamps.collect());
            let settled: Vec<_> = settled.iter().map(|path| path.to_str().unwrap()).collect();
            assert_eq!(settled, expected.split_whitespace().collect::<Vec<_>>(), "look {number}: {look}");
        }
    }

    #[test]
    fn a_file_is_taken_once_it_has_stopped_changing() {
        check(
            "a=1 ->
             a=1 -> a
             a=1 ->
             a=2 ->
             a=3 ->
             a=3 -> a
             a=3 ->",
        );
    }

    #[test]
    fn files_come_and_go() {
        check(
            "a=1 b=1 ->
             a=1 b=1 -> a b
             b=1 ->
             a=1 b=1 ->
             a=2 b=1 ->
             b=1 ->
             a=2 b=1 ->
             a=2 b=1 -> a",
        );
    }
}
