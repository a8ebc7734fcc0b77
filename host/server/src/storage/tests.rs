//! Folders that are damaged, of other formats, or put together from two.

use std::{fs, path::Path};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    execution::{
        fact::{Fact, UnrecordedChange},
        record::{Record, RunIdentity},
    },
    storage::{Append, SqliteStorage, StorageError, reader::Reader, stored_record::RecordError},
};

const LOG: &str = "log.sqlite";
const RUNS: &str = "runs.sqlite";

fn record(run: u64, name: &str) -> Record {
    let identity = RunIdentity {
        namespace: "default".to_owned(),
        workflow_id: name.to_owned(),
        run_id: name.to_owned(),
        request_id: String::new(),
    };
    Record {
        run,
        identity: Some(identity),
        facts: vec![Fact::Unrecorded(UnrecordedChange::ActivityReady(5))],
    }
}

/// Appends a run for each name, waits until it is on disk, and closes the folder.
fn append(folder: &Path, names: &[&str]) {
    let opened = SqliteStorage::open(folder).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (last, next) = (opened.found.last, opened.found.next_number);
    for (index, name) in (0..).zip(names) {
        let (position, records) = (last + 1 + index, vec![record(next + index, name)]);
        opened.storage.append(Append { position, records, archived: Vec::new(), awaited: 0, lazy: false });
    }
    let all = last + u64::try_from(names.len()).unwrap();
    runtime.block_on(opened.storage.synced().wait_for(|synced| synced.position == all));
}

fn folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    append(folder.path(), names);
    folder
}

fn execute(folder: &Path, file: &str, sql: &str) {
    Connection::open(folder.join(file)).unwrap().execute_batch(sql).unwrap();
}

fn refusal(folder: &Path) -> StorageError {
    let error = SqliteStorage::open(folder).unwrap_err();
    assert_eq!(SqliteStorage::open(folder).unwrap_err().to_string(), error.to_string(), "the second time");
    error
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    for file in [LOG, RUNS] {
        let folder = folder(&["a"]);
        execute(folder.path(), file, "PRAGMA user_version = 9");
        let error = refusal(folder.path());
        assert!(matches!(&error, StorageError::NewerFormat { format: 9, .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains(file) && said.contains("format 9") && said.contains("later one"), "{said}");
    }
}

/// What SQLite itself does not see: a row whose bytes changed.
#[test]
fn damage_to_one_run_is_named_and_leaves_the_others() {
    let folder = folder(&["a", "b"]);
    let damage = "UPDATE records SET records = CAST(substr(records, 1, length(records) - 6) || x'00' ||
                  substr(records, length(records) - 4) AS BLOB) WHERE number = 1";
    execute(folder.path(), RUNS, damage);
    let reader = Reader::open(&folder.path().join(RUNS)).unwrap();
    assert!(reader.load(0).unwrap().is_some());
    let error = reader.load(1).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, StorageError::Record { source: RecordError::Checksum { .. }, .. }), "{said}");
    assert!(said.contains(RUNS) && said.contains("run 1 at position 2"), "{said}");
}

#[test]
fn a_record_of_another_run_is_out_of_place() {
    let folder = folder(&["a", "b"]);
    execute(
        folder.path(),
        RUNS,
        "UPDATE records SET records = (SELECT records FROM records WHERE number = 0) WHERE number = 1",
    );
    let error = Reader::open(&folder.path().join(RUNS)).unwrap().load(1).unwrap_err();
    assert!(matches!(error, StorageError::Record { source: RecordError::Misplaced, .. }), "{error}");
}

#[test]
fn damage_to_the_log_is_named() {
    let folder = folder(&["a", "b"]);
    // As if the second file did not have them.
    execute(folder.path(), RUNS, "DELETE FROM records; DELETE FROM run; UPDATE store SET applied = 0");
    execute(
        folder.path(),
        LOG,
        "UPDATE log SET entry = CAST(substr(entry, 1, length(entry) - 1) || x'00' AS BLOB) WHERE position = 2",
    );
    let said = refusal(folder.path()).to_string();
    assert!(said.contains("entry 2 of the log") && said.contains("checksum"), "{said}");
}

#[test]
fn a_log_that_lost_its_end_is_refused_until_that_is_accepted() {
    let folder = folder(&["a"]);
    let earlier = fs::read(folder.path().join(LOG)).unwrap();
    append(folder.path(), &["b", "c"]);
    fs::write(folder.path().join(LOG), earlier).unwrap();
    let error = refusal(folder.path());
    let said = error.to_string();
    assert!(matches!(error, StorageError::LogEndsEarly { last: 1, sealed: 3, .. }), "{said}");
    assert!(said.contains("from a backup") && said.contains("sealed"), "{said}");
    execute(folder.path(), RUNS, "UPDATE store SET sealed = 0");
    append(folder.path(), &["d"]);
    append(folder.path(), &["e"]);
    let opened = SqliteStorage::open(folder.path()).unwrap();
    assert_eq!((opened.found.last, opened.found.next_number), (5, 5));
}

#[test]
fn files_of_two_times_or_two_folders_are_refused() {
    let folder_a = folder(&["a"]);
    let folder_b = folder(&["b"]);
    fs::copy(folder_b.path().join(LOG), folder_a.path().join(LOG)).unwrap();
    let said = refusal(folder_a.path()).to_string();
    assert!(said.contains("does not belong to runs.sqlite"), "{said}");

    execute(folder_b.path(), LOG, "UPDATE store SET cut = 7");
    let said = refusal(folder_b.path()).to_string();
    assert!(said.contains("runs.sqlite: it is of an earlier time"), "{said}");
}
