//! Folders that are damaged, of other formats, or put together from two.

use std::{fs, path::Path};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    execution::{
        archive::Stored,
        fact::{Fact, UnrecordedChange},
        record::{Record, RunIdentity},
    },
    storage::{Append, SqliteStorage, StorageError, damages::Damages, reader::Reader},
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
        opened.storage.append(Append {
            position,
            records,
            others: Vec::new(),
            archived: Vec::new(),
            awaited: 0,
            lazy: false,
        });
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

/// What is wrong with a run, whose row says who it is.
fn damage(folder: &Path, number: u64) -> String {
    let reader = Reader::open(&folder.join(RUNS), Damages::default()).unwrap();
    match reader.load(number).unwrap() {
        Stored::Damaged(damage) => {
            assert_eq!(damage.run, number);
            format!("{}: {}", damage.workflow_id, damage.reason)
        }
        Stored::Run(_) | Stored::Nothing => panic!("run {number} is not damaged"),
    }
}

/// What SQLite itself does not see: a row whose bytes changed.
#[test]
fn damage_to_one_run_is_named_and_leaves_the_others() {
    let folder = folder(&["a", "b"]);
    let changed = "UPDATE records SET records = CAST(substr(records, 1, length(records) - 6) || x'00' ||
                  substr(records, length(records) - 4) AS BLOB) WHERE number = 1";
    execute(folder.path(), RUNS, changed);
    let said = damage(folder.path(), 1);
    assert!(said.contains("run 1 at position 2: its checksum is"), "{said}");
    let opened = SqliteStorage::open(folder.path()).unwrap();
    let in_memory: Vec<_> = opened.found.in_memory.iter().map(|(number, _)| *number).collect();
    assert_eq!(in_memory, [0]);
    assert_eq!(opened.found.next_number, 2);
}

#[test]
fn a_record_of_another_run_is_out_of_place() {
    let folder = folder(&["a", "b"]);
    execute(
        folder.path(),
        RUNS,
        "UPDATE records SET records = (SELECT records FROM records WHERE number = 0) WHERE number = 1",
    );
    let said = damage(folder.path(), 1);
    assert!(said.contains("it belongs elsewhere"), "{said}");
}

/// A folder whose second file has nothing, as after a crash within a second.
fn folder_with_a_log(names: &[&str]) -> TempDir {
    let folder = folder(names);
    execute(
        folder.path(),
        RUNS,
        "DELETE FROM records; DELETE FROM run; UPDATE store SET applied = 0, checksum = NULL",
    );
    folder
}

const DAMAGE_ENTRY: &str =
    "UPDATE log SET entry = CAST(substr(entry, 1, length(entry) - 1) || x'00' AS BLOB) WHERE position = 2;";

#[test]
fn damage_to_the_log_is_that_of_one_run_and_the_rest_is_applied() {
    // Of the record, and of the frame around it.
    for sql in [DAMAGE_ENTRY, "UPDATE log SET entry = x'0aff01' WHERE position = 2;"] {
        let folder = folder_with_a_log(&["a", "b", "c"]);
        execute(folder.path(), LOG, sql);
        let opened = SqliteStorage::open(folder.path()).unwrap();
        let in_memory: Vec<_> = opened.found.in_memory.iter().map(|(number, _)| *number).collect();
        assert_eq!(in_memory, [0, 2], "{sql}");
        assert_eq!((opened.found.last, opened.found.next_number), (3, 3));
        drop(opened);
        let said = damage(folder.path(), 1);
        assert!(said.contains("run 1 at position 2"), "{said}");
    }
}

#[test]
fn damage_to_the_log_is_named_if_it_may_be_that_of_any_run() {
    let folder = folder_with_a_log(&["a", "b"]);
    execute(folder.path(), LOG, DAMAGE_ENTRY);
    execute(folder.path(), LOG, "UPDATE log SET runs = NULL");
    let said = refusal(folder.path()).to_string();
    assert!(said.contains("entry 2 of the log") && said.contains("checksum"), "{said}");
}

/// Rows of `run` follow from the records, so damage to them is put right.
#[test]
fn rows_are_put_right_from_the_records() {
    for sql in [
        "UPDATE run SET workflow_id = 'x' WHERE number = 1",
        "UPDATE run SET namespace = 'x', closed = 7 WHERE number = 1",
        "UPDATE run SET info = x'0102030405' WHERE number = 1",
        "UPDATE run SET number = 5 WHERE number = 1; DELETE FROM run WHERE number = 5",
        "PRAGMA writable_schema = 1; DELETE FROM run WHERE number = 1",
    ] {
        let folder = folder(&["a", "b", "c"]);
        execute(folder.path(), RUNS, sql);
        let opened = SqliteStorage::open(folder.path()).unwrap();
        let names: Vec<_> = opened
            .found
            .in_memory
            .iter()
            .map(|(number, run)| (*number, &run.identity().workflow_id[..]))
            .collect();
        assert_eq!(names, [(0, "a"), (1, "b"), (2, "c")], "{sql}");
        assert_eq!(opened.found.archive.latest("default", "b").unwrap(), Some(1), "{sql}");
    }
}

#[test]
fn records_that_are_missing_or_elsewhere_are_damage() {
    for (sql, damaged) in [
        ("DELETE FROM records WHERE number = 1", &[1][..]),
        ("UPDATE records SET number = 9 WHERE number = 1", &[1, 9]),
        ("UPDATE records SET kind = 2 WHERE number = 1", &[1]),
        ("UPDATE records SET position = 7 WHERE number = 1", &[1]),
        ("UPDATE records SET records = x'' WHERE number = 1", &[1]),
    ] {
        let folder = folder(&["a", "b", "c"]);
        execute(folder.path(), RUNS, sql);
        let opened = SqliteStorage::open(folder.path()).unwrap();
        let in_memory: Vec<_> = opened.found.in_memory.iter().map(|(number, _)| *number).collect();
        assert_eq!(in_memory, [0, 2], "{sql}");
        for number in damaged {
            let stored = opened.found.archive.load(*number).unwrap();
            assert!(matches!(stored, Stored::Damaged(_)), "{sql}: run {number}: {stored:?}");
        }
    }
}

#[test]
fn a_changed_position_is_refused() {
    for sql in ["UPDATE store SET applied = 1", "UPDATE store SET sealed = 2"] {
        let folder = folder(&["a", "b", "c"]);
        execute(folder.path(), RUNS, sql);
        let said = refusal(folder.path()).to_string();
        assert!(said.contains("what it says about how far it is was changed"), "{said}");
    }
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
    assert!(said.contains("from a backup") && said.contains("--accept-loss"), "{said}");
    execute(folder.path(), RUNS, "UPDATE store SET sealed = 0, checksum = NULL");
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
