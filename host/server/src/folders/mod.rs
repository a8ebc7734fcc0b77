//! Data folders of earlier formats, which are kept in `tests/folders`: each opens, and says what it
//! said when it was made.

mod damage;
mod dump;
mod flips;
mod maintenance;
mod make;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use self::dump::dump;
use crate::{
    Server,
    environment::{Blocking, Clock, Environment, Ids},
    options::Options,
    storage::SqliteStorage,
    time::Time,
};

/// The files of a folder that was copied while a process used it. The WAL of `log.sqlite` is one of
/// them: it holds transitions that neither file has yet, as after a crash.
const FILES: [&str; 3] = ["log.sqlite", "log.sqlite-wal", "runs.sqlite"];

fn kept(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/folders/format-{format}"))
}

/// A copy of a kept folder, to be changed.
fn copy(format: u32) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in FILES {
        fs::copy(kept(format).join(name), copy.path().join(name)).unwrap();
    }
    copy
}

/// Copies the files of a folder to another.
fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// What the service says about a folder at the time at which it was made.
async fn said(folder: &Path, format: u32) -> String {
    let now = Time(fs::read_to_string(kept(format).join("time")).unwrap().parse().unwrap());
    let environment = Environment {
        clock: Clock::new(move || now),
        ids: Ids::random(),
        blocking: Blocking::Threads,
        time_skipping: None,
    };
    let server = Server::start(SqliteStorage::open(folder).unwrap(), Options::default(), environment);
    dump(&server.service()).await
}

fn check(said: &str, format: u32) {
    let path = kept(format).join("expected.jsonl");
    // As `expect!` does: descriptions grow with the service, and nothing of them may go.
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, said).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap();
    for (said, expected) in said.lines().zip(expected.lines()) {
        assert_eq!(said, expected);
    }
    assert_eq!(said.lines().count(), expected.lines().count());
}

#[tokio::test]
async fn a_folder_of_an_earlier_format_says_what_it_said() {
    for format in [2, 3] {
        let folder = copy(format);
        check(&said(folder.path(), format).await, format);
        check_migrated(folder.path());
        // And again, without a migration.
        check(&said(folder.path(), format).await, format);
    }
}

fn check_migrated(folder: &Path) {
    for file in ["log.sqlite", "runs.sqlite"] {
        let connection = rusqlite::Connection::open(folder.join(file)).unwrap();
        let format: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(format, 4, "{file}");
        let old = "SELECT count(*) FROM sqlite_schema WHERE name = 'facts'";
        assert_eq!(connection.query_row(old, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "{file}");
    }
}

/// Variable with the folder that a child process opens; unset in the test itself.
const CHILD_FOLDER: &str = "HOST_OPENED_TEST_FOLDER";

#[test]
fn opens_when_started_as_a_child() {
    if let Some(folder) = env::var_os(CHILD_FOLDER) {
        SqliteStorage::open(Path::new(&folder)).unwrap();
    }
}

/// A process that ends in the middle of the migration leaves a folder that the next one opens.
#[tokio::test]
async fn a_migration_that_was_broken_off_goes_on() {
    for place in ["migrate-runs-written", "migrate-runs-synced", "migrate-log-written", "migrate-runs-raised"]
    {
        let folder = copy(2);
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "folders::opens_when_started_as_a_child"])
            .env(CHILD_FOLDER, folder.path())
            .env("HOST_FAIL_POINT", format!("{place}:0"))
            .output()
            .unwrap();
        assert!(!child.status.success(), "{place} was not reached");
        check(&said(folder.path(), 2).await, 2);
        check_migrated(folder.path());
    }
}
