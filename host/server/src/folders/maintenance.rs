//! Damage that is found and set aside, and logs that lost their end.

use std::{fs, path::Path, time::Duration};

use host_wire::temporal::api::workflowservice::v1::*;
use rusqlite::Connection;
use tonic::Request;

use crate::{
    Problem, check_folder,
    folders::{
        FILES, copy_files,
        damage::{damage, execution, list, migrated, open},
        flips::in_use,
        make,
    },
    repair_folder,
    storage::SqliteStorage,
};

/// `check` finds the damage, `repair` sets it aside, and then there is none.
#[tokio::test]
async fn damage_is_found_and_set_aside() {
    let folder = migrated();
    assert_eq!(check_folder(folder.path()).unwrap(), []);
    damage(folder.path(), "completed");
    damage(folder.path(), "waiting");
    let found = check_folder(folder.path()).unwrap();
    let names = |problems: &[Problem]| -> Vec<String> {
        problems.iter().map(|problem| problem.run.clone().unwrap_or_default().0).collect()
    };
    assert_eq!(names(&found), ["completed", "waiting"]);
    assert!(found.iter().all(|problem| problem.what.contains("checksum")), "{found:?}");
    let before = list(&open(folder.path(), Duration::ZERO).service()).await.len();
    let repaired = repair_folder(folder.path(), false).unwrap();
    assert_eq!(names(&repaired), ["completed", "waiting"]);
    assert_eq!(check_folder(folder.path()).unwrap(), []);
    assert_eq!(repair_folder(folder.path(), false).unwrap(), []);
    let server = open(folder.path(), Duration::ZERO);
    assert_eq!(list(&server.service()).await.len(), before - 2);
    let runs = Connection::open(folder.path().join("runs.sqlite")).unwrap();
    let kept = "SELECT count(*) FROM set_aside WHERE what = 'run' AND reason LIKE '%checksum%'";
    assert_eq!(runs.query_row(kept, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}

/// An entry of which it is not known whose it is, and a damaged WAL: refused, until they are set aside.
#[tokio::test]
async fn what_may_be_any_run_s_damage_is_refused_until_it_is_set_aside() {
    let base = in_use().await;
    let folder = tempfile::tempdir().unwrap();
    copy_files(base.path(), folder.path());
    let wal = folder.path().join("log.sqlite-wal");
    let mut bytes = fs::read(&wal).unwrap();
    bytes[20] ^= 4;
    fs::write(&wal, bytes).unwrap();
    let refused = SqliteStorage::open(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("its header is damaged") && refused.contains("--accept-loss"), "{refused}");
    let found = check_folder(folder.path()).unwrap();
    assert!(found[0].file.ends_with("log.sqlite-wal"), "{found:?}");
    repair_folder(folder.path(), false).unwrap_err();
    let lost = repair_folder(folder.path(), true).unwrap();
    assert!(lost[0].what.contains("header"), "{lost:?}");
    assert!(folder.path().join("log.sqlite-wal.damaged").exists());
    assert_eq!(check_folder(folder.path()).unwrap(), []);
    let server = open(folder.path(), Duration::ZERO);
    assert!(list(&server.service()).await.len() > 15);
}

/// Waits until the second file knows of a position that the log has.
async fn wait_until_sealed(folder: &Path, after: i64) -> i64 {
    let runs = Connection::open(folder.join("runs.sqlite")).unwrap();
    loop {
        let sealed: i64 = runs.query_row("SELECT sealed FROM store", [], |row| row.get(0)).unwrap();
        if sealed > after {
            return sealed;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// However the log lost its end, what was acknowledged is not dropped without a word.
#[tokio::test]
async fn a_log_that_lost_what_was_acknowledged_is_refused() {
    let folder = migrated();
    let earlier = fs::read(folder.path().join("log.sqlite")).unwrap();
    let before = wait_until_sealed(folder.path(), 0).await;
    let server = open(folder.path(), Duration::ZERO);
    let service = server.service();
    for number in 0..10 {
        let start = make::start_request(&format!("new-{number}"), "Simple");
        service.start_workflow_execution(Request::new(start)).await.unwrap();
    }
    wait_until_sealed(folder.path(), before + 9).await;
    let copy = || {
        let copy = tempfile::tempdir().unwrap();
        for name in FILES.into_iter().chain(["runs.sqlite-wal"]) {
            fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
        }
        copy
    };
    // What each loses, and the refusal. A WAL that is missing loses nothing if it was moved into the file before.
    type Lose = fn(&Path, &[u8]);
    let losses: [(Lose, Option<&str>); 5] = [
        (|copy, _| fs::remove_file(copy.join("log.sqlite-wal")).unwrap(), None),
        (|copy, _| fs::write(copy.join("log.sqlite-wal"), []).unwrap(), None),
        (
            |copy, _| fs::write(copy.join("log.sqlite-wal"), [7; 40_000]).unwrap(),
            Some("its header is damaged"),
        ),
        (
            |copy, earlier| {
                fs::remove_file(copy.join("log.sqlite-wal")).unwrap();
                fs::write(copy.join("log.sqlite"), earlier).unwrap();
            },
            Some("were acknowledged"),
        ),
        (
            |copy, _| {
                fs::remove_file(copy.join("log.sqlite-wal")).unwrap();
                fs::remove_file(copy.join("log.sqlite")).unwrap();
            },
            Some("it was missing beside runs.sqlite"),
        ),
    ];
    let all = list(&service).await.len();
    for (lose, expected) in losses {
        let copy = copy();
        lose(copy.path(), &earlier);
        if let Some(expected) = expected {
            for time in ["first", "second"] {
                let refused = SqliteStorage::open(copy.path()).unwrap_err().to_string();
                assert!(refused.contains(expected), "the {time} time: {refused}");
            }
            repair_folder(copy.path(), false).unwrap_err();
            assert!(!repair_folder(copy.path(), true).unwrap().is_empty(), "{expected}");
            assert_eq!(check_folder(copy.path()).unwrap(), [], "{expected}");
        }
        if expected.is_none()
            && let Err(error) = SqliteStorage::open(copy.path())
        {
            assert!(error.to_string().contains("were acknowledged"), "{error}");
            continue;
        }
        for life in 0..2 {
            let server = open(copy.path(), Duration::ZERO);
            // The second file had everything.
            assert_eq!(list(&server.service()).await.len(), all, "{expected:?}");
            if life == 0 {
                let start = make::start_request("after", "Simple");
                server.service().start_workflow_execution(Request::new(start)).await.unwrap();
                let delete = DeleteWorkflowExecutionRequest {
                    namespace: "default".to_owned(),
                    workflow_execution: execution("after"),
                };
                server.service().delete_workflow_execution(Request::new(delete)).await.unwrap();
            }
        }
    }
}
