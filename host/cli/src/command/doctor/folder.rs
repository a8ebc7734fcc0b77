//! The data folder, how fast its disk syncs and what is free on it, and how many files may be open.

use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Resource, getrlimit};

use super::finding::Finding;

/// Files with which a host works: 256 that it reserves, cached modules, and connections of some hundred clients.
const ENOUGH_FILES: u64 = 1024;

/// Bytes of one write: a page of SQLite's, of which a small commit has one or two.
const BLOCK: [u8; 4096] = [0x5a; 4096];

/// Syncs that are measured at most, and how long that may take.
const SYNCS: usize = 50;
const MEASURING: Duration = Duration::from_secs(2);

/// Above this the disk, and not the host, is what a user waits for: a workflow of one activity waits for some five
/// syncs one after another.
const SLOW: Duration = Duration::from_millis(10);

/// Bytes that are free on a disk which does not fill up soon: some 300,000 runs of one activity, and what of the log waits to be
/// cut off.
const ENOUGH_SPACE: u64 = 1 << 30;

/// The limit of open files, as it is once a host has raised it.
pub(super) fn open_files() -> Finding {
    // The program raised the soft limit to the hard one when it started.
    judge_open_files(getrlimit(Resource::Nofile).current)
}

fn judge_open_files(limit: Option<u64>) -> Finding {
    const NAME: &str = "open files";
    match limit {
        None => Finding::ok(NAME, "no limit"),
        Some(limit) if limit >= ENOUGH_FILES => Finding::ok(NAME, format!("at most {limit}")),
        Some(limit) => Finding::warning(
            NAME,
            format!("at most {limit}, so clients may have to wait for a connection"),
            format!("raise the hard limit to {ENOUGH_FILES} or more (ulimit -Hn, LimitNOFILE= of systemd)"),
        ),
    }
}

/// Whether the data folder can be written to, what is free on its disk, and how fast that syncs.
pub(super) fn look(folder: &Path) -> Vec<Finding> {
    const NAME: &str = "data folder";
    let shown = folder.display();
    // One that is not there is not made: its file system is that of the folder in which it would be.
    let Some(there) = folder.ancestors().map(or_here).find(|ancestor| ancestor.exists()) else {
        return vec![Finding::failed(NAME, format!("{shown} cannot be made"), CHOOSE)];
    };
    let file = match tempfile::tempfile_in(there) {
        Ok(file) => file,
        Err(error) => {
            let found = format!("{} cannot be written to ({})", there.display(), reason(&error));
            return vec![Finding::failed(NAME, found, CHOOSE)];
        }
    };
    let found = if there == folder { shown.to_string() } else { format!("{shown}, which is not there yet") };
    let folder = if in_memory(&file) {
        let found = format!("{found}, is in memory, so a restart of the machine loses it");
        Finding::warning(NAME, found, "choose a folder on a disk with --data-dir")
    } else {
        Finding::ok(NAME, found)
    };
    let space =
        rustix::fs::fstatvfs(&file).ok().map(|stat| judge_space(stat.f_bavail.saturating_mul(stat.f_frsize)));
    let sync = match measure(file) {
        Ok(times) => judge_sync(times),
        Err(error) => Finding::failed(SYNC, format!("a sync failed ({})", reason(&error)), CHOOSE),
    };
    [folder].into_iter().chain(space).chain([sync]).collect()
}

const SYNC: &str = "disk sync";
const CHOOSE: &str = "choose another folder with --data-dir, or change its permissions";

/// The folder that a relative path is in has no name.
fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// The message of an error without tempfile's path, which names a file that never was.
fn reason(error: &io::Error) -> String {
    error
        .raw_os_error()
        .map_or_else(|| error.to_string(), |code| io::Error::from_raw_os_error(code).to_string())
}

#[cfg(target_os = "linux")]
fn in_memory(file: &File) -> bool {
    /// `TMPFS_MAGIC` of linux/magic.h.
    const TMPFS: u64 = 0x0102_1994;
    rustix::fs::fstatfs(file).is_ok_and(|stat| u64::try_from(stat.f_type) == Ok(TMPFS))
}

#[cfg(not(target_os = "linux"))]
fn in_memory(_file: &File) -> bool {
    false
}

/// How long syncs took. Blocks are written again in place, as those of SQLite's log are.
fn measure(mut file: File) -> io::Result<Vec<Duration>> {
    file.write_all(&BLOCK)?;
    file.sync_all()?;
    let mut times = Vec::new();
    let since = Instant::now();
    while times.len() < SYNCS && since.elapsed() < MEASURING {
        file.seek(SeekFrom::Start(0))?;
        let before = Instant::now();
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        times.push(before.elapsed());
    }
    Ok(times)
}

fn judge_sync(mut times: Vec<Duration>) -> Finding {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let slowest = times.last().copied().unwrap_or_default();
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    let found = format!("{} (median of {}, slowest {})", ms(median), times.len(), ms(slowest));
    if median <= SLOW {
        return Finding::ok(SYNC, found);
    }
    let found = format!("{found}, more than {}; workflows wait for it with every step", ms(SLOW));
    Finding::warning(SYNC, found, "choose a folder on a faster disk with --data-dir, such as a local SSD")
}

/// What the user of this process may still write.
fn judge_space(free: u64) -> Finding {
    const NAME: &str = "disk space";
    const MIB: u64 = 1 << 20;
    let found = format!("{} MiB are free", free / MIB);
    if free >= ENOUGH_SPACE {
        return Finding::ok(NAME, found);
    }
    let found = format!("{found}; without room the service refuses all that would change something");
    Finding::warning(
        NAME,
        found,
        "make room, choose a folder on another disk with --data-dir, or a shorter --retention",
    )
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(finding: &Finding, expected: Expect) {
        expected.assert_eq(&finding.line());
    }

    #[test]
    fn syncs_are_judged_by_their_median() {
        let times = |ms: &[u64]| ms.iter().map(|ms| Duration::from_millis(*ms)).collect();
        check(
            &judge_sync(times(&[10, 900, 1])),
            expect!["ok       disk sync      10.00 ms (median of 3, slowest 900.00 ms)"],
        );
        check(
            &judge_sync(times(&[12, 11, 1])),
            expect![
                "warning  disk sync      11.00 ms (median of 3, slowest 12.00 ms), more than 10.00 ms; workflows wait for it with every step: choose a folder on a faster disk with --data-dir, such as a local SSD"
            ],
        );
    }

    #[test]
    fn little_space_is_a_warning() {
        check(&judge_space(ENOUGH_SPACE), expect!["ok       disk space     1024 MiB are free"]);
        check(
            &judge_space(ENOUGH_SPACE - 1),
            expect![
                "warning  disk space     1023 MiB are free; without room the service refuses all that would change something: make room, choose a folder on another disk with --data-dir, or a shorter --retention"
            ],
        );
    }

    #[test]
    fn few_files_are_a_warning() {
        check(&judge_open_files(None), expect!["ok       open files     no limit"]);
        check(&judge_open_files(Some(1024)), expect!["ok       open files     at most 1024"]);
        check(
            &judge_open_files(Some(1023)),
            expect![
                "warning  open files     at most 1023, so clients may have to wait for a connection: raise the hard limit to 1024 or more (ulimit -Hn, LimitNOFILE= of systemd)"
            ],
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_made() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("a/b");
        let found = look(&folder);
        assert!(found[0].found.contains("is not there yet"), "{found:?}");
        assert!(std::fs::read_dir(outside.path()).unwrap().next().is_none());
        assert!(look(Path::new("not-there"))[0].found.contains("is not there yet"));
        let file = outside.path().join("file");
        std::fs::write(&file, "").unwrap();
        let found = look(&file.join("data"));
        assert!(found[0].line().starts_with("failed   data folder"), "{found:?}");
    }
}
