//! Schedules in the files: what replaces what, and damage.

use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    entity::EntityRecord,
    schedule::{
        record::{Definition, Outcome, Progress, ScheduleBody, ScheduleIdentity},
        schedules::StoredSchedule,
    },
    storage::{Append, SqliteStorage, check_folder, damages::Damages, reader::Reader, repair_folder},
    time::Time,
};

const LOG: &str = "log.sqlite";
const RUNS: &str = "runs.sqlite";

fn identity(id: &str) -> Option<ScheduleIdentity> {
    Some(ScheduleIdentity {
        namespace: "default".to_owned(),
        schedule_id: id.to_owned(),
        ..Default::default()
    })
}

fn whole(id: &str) -> ScheduleBody {
    ScheduleBody {
        identity: identity(id),
        definition: Some(Definition::default()),
        progress: Some(Progress::default()),
        outcome: Some(Outcome::default()),
        is_deleted: false,
    }
}

fn progress(id: &str, conflict_token: i64) -> ScheduleBody {
    let progress = Some(Progress { conflict_token, ..Progress::default() });
    ScheduleBody { identity: identity(id), progress, ..ScheduleBody::default() }
}

fn deletion(id: &str) -> ScheduleBody {
    ScheduleBody { identity: identity(id), is_deleted: true, ..ScheduleBody::default() }
}

/// Appends a transition for each record, waits until it is on disk, and closes the folder.
fn append(folder: &Path, records: Vec<(u64, ScheduleBody)>) {
    let opened = SqliteStorage::open(folder).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut last = opened.found.last;
    for (number, body) in records {
        last += 1;
        opened.storage.append(Append {
            position: last,
            records: Vec::new(),
            others: vec![EntityRecord::new(number, &body)],
            archived: Vec::new(),
            awaited: 0,
            lazy: false,
        });
    }
    runtime.block_on(opened.storage.synced().wait_for(|synced| synced.position == last));
}

fn folder(records: Vec<(u64, ScheduleBody)>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    append(folder.path(), records);
    folder
}

fn execute(folder: &Path, file: &str, sql: &str) {
    Connection::open(folder.join(file)).unwrap().execute_batch(sql).unwrap();
}

fn rows(folder: &Path) -> i64 {
    let runs = Connection::open(folder.join(RUNS)).unwrap();
    runs.query_row("SELECT count(*) FROM records", [], |row| row.get(0)).unwrap()
}

/// Each schedule with its token, or with what is wrong with it.
fn found(folder: &Path) -> Vec<(u64, String)> {
    said(SqliteStorage::open(folder).unwrap().found.schedules)
}

fn said(schedules: Vec<(u64, StoredSchedule)>) -> Vec<(u64, String)> {
    let said = |stored: StoredSchedule| match stored {
        StoredSchedule::Sound(schedule) => {
            format!("{} {}", schedule.identity.schedule_id, schedule.progress.conflict_token)
        }
        StoredSchedule::Damaged(names, reason) => format!("{}: {reason}", names.schedule_id),
    };
    schedules.into_iter().map(|(number, stored)| (number, said(stored))).collect()
}

#[test]
fn a_record_with_everything_replaces_those_before() {
    let folder = folder(vec![(0, whole("a")), (0, progress("a", 2)), (1, whole("b"))]);
    assert_eq!(found(folder.path()), [(0, "a 2".to_owned()), (1, "b 0".to_owned())]);
    append(folder.path(), vec![(0, progress("a", 3))]);
    append(folder.path(), vec![(0, progress("a", 4))]);
    assert_eq!((rows(folder.path()), found(folder.path())[0].1.as_str()), (4, "a 4"));
    append(folder.path(), vec![(0, whole("a")), (0, progress("a", 5))]);
    assert_eq!((rows(folder.path()), found(folder.path())[0].1.as_str()), (2, "a 5"));
    append(folder.path(), vec![(0, deletion("a"))]);
    assert_eq!((rows(folder.path()), found(folder.path())), (1, vec![(1, "b 0".to_owned())]));
    // Created and deleted before the second file heard of it.
    append(folder.path(), vec![(2, whole("c")), (2, deletion("c"))]);
    assert_eq!(found(folder.path()), [(1, "b 0".to_owned())]);
}

#[test]
fn damage_to_one_schedule_is_named_and_leaves_the_others() {
    let folder = folder(vec![(0, whole("a")), (1, whole("b")), (1, progress("b", 2))]);
    append(folder.path(), vec![(1, progress("b", 3))]);
    let changed =
        "UPDATE records SET records = CAST(substr(records, 1, length(records) - 1) || x'00' AS BLOB)
                   WHERE number = 1 AND position = 4";
    execute(folder.path(), RUNS, changed);
    let said = found(folder.path());
    assert_eq!(said[0], (0, "a 0".to_owned()));
    assert!(said[1].1.starts_with("b: its record at position 4: its checksum is"), "{said:?}");
    let problems = check_folder(folder.path()).unwrap();
    assert!(problems[0].what.starts_with("the schedule b of default: its record at"), "{problems:?}");
    assert_eq!(repair_folder(folder.path(), false, Time(0)).unwrap(), problems);
    assert_eq!(found(folder.path()), [(0, "a 0".to_owned())]);
    assert_eq!(check_folder(folder.path()).unwrap(), []);
}

#[test]
fn damage_to_the_log_is_that_of_one_schedule() {
    let folder = folder(vec![(0, whole("a")), (1, whole("b")), (2, whole("c"))]);
    execute(folder.path(), RUNS, "DELETE FROM records; UPDATE store SET applied = 0, checksum = NULL");
    let damage = "UPDATE log SET entry = CAST(substr(entry, 1, length(entry) - 1) || x'00' AS BLOB)
                  WHERE position = 2;";
    execute(folder.path(), LOG, damage);
    let said = found(folder.path());
    assert_eq!((said[0].1.as_str(), said[2].1.as_str()), ("a 0", "c 0"));
    assert!(said[1].1.starts_with("damaged-schedule-1: its record at position 2"), "{said:?}");
}

/// Whatever bit of a schedule changes, the others are there, and it is not another one.
#[test]
fn no_flipped_bit_makes_another_schedule() {
    let folder = folder(vec![(0, whole("a")), (1, whole("b")), (1, progress("b", 7))]);
    let runs = Connection::open(folder.path().join(RUNS)).unwrap();
    let row: Vec<u8> =
        runs.query_row("SELECT records FROM records WHERE number = 1", [], |row| row.get(0)).unwrap();
    for bit in 0..row.len() * 8 {
        let mut damaged = row.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        runs.execute("UPDATE records SET records = ?1 WHERE number = 1", [damaged]).unwrap();
        let reader = Reader::open(&folder.path().join(RUNS), Damages::default()).unwrap();
        let said = said(reader.schedules().unwrap());
        assert_eq!(said[0].1, "a 0", "bit {bit}");
        assert!(said[1].1.contains(": "), "bit {bit}: {said:?}");
    }
}
