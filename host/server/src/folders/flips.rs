//! A bit that changes on disk.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use fuzz::Random;
use host_wire::temporal::api::workflowservice::v1::*;
use tempfile::TempDir;
use tonic::{Code, Request};

use crate::{
    folders::{
        FILES, copy_files,
        damage::{Service, execution, list, migrated, open},
        make,
    },
    storage::SqliteStorage,
};

/// What a service says of each run: description and history, or the code of a refusal.
async fn say(service: &Service) -> BTreeMap<String, Result<String, Code>> {
    let mut said = BTreeMap::new();
    for info in list(service).await {
        let execution = info.execution.clone().unwrap();
        if execution.workflow_id == LAST {
            continue;
        }
        let history = GetWorkflowExecutionHistoryRequest {
            namespace: "default".to_owned(),
            execution: Some(execution.clone()),
            ..Default::default()
        };
        let history = service.get_workflow_execution_history(Request::new(history)).await;
        let describe = DescribeWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            execution: Some(execution.clone()),
        };
        let described = service.describe_workflow_execution(Request::new(describe)).await;
        let text = match (history, described) {
            (Ok(history), Ok(described)) => {
                Ok(format!("{:?} {:?}", history.into_inner().history.unwrap(), described.into_inner()))
            }
            (Err(status), _) | (_, Err(status)) => Err(status.code()),
        };
        said.insert(execution.run_id, text);
    }
    said
}

/// The workflow of the last commit. Damage to that one cannot be told from a commit that was never acknowledged.
const LAST: &str = "last";

/// Files of a folder that is in use: the log has what the second file does not have yet.
pub(super) async fn in_use() -> TempDir {
    let folder = migrated();
    let server = open(folder.path(), Duration::ZERO);
    let service = server.service();
    for number in 0..6 {
        let start = make::start_request(&format!("new-{number}"), "Simple");
        service.start_workflow_execution(Request::new(start)).await.unwrap();
        let signal = SignalWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: execution(["waiting", "timer", "sticky"][number % 3]),
            signal_name: format!("new-{number}"),
            ..Default::default()
        };
        service.signal_workflow_execution(Request::new(signal)).await.unwrap();
    }
    let start = make::start_request(LAST, "Simple");
    service.start_workflow_execution(Request::new(start)).await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    for name in FILES.into_iter().chain(["runs.sqlite-wal"]) {
        fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    copy
}

/// A bit that changed on disk is harmless, or is some run's damage, or the folder is refused. No history is another
/// one, and the list is always there.
#[tokio::test]
async fn no_bit_that_changes_alters_a_history() {
    let base = in_use().await;
    let seeds = std::env::var("HOST_FLIPS").map_or(100, |text| text.parse().unwrap());
    let sound = {
        let folder = tempfile::tempdir().unwrap();
        copy_files(base.path(), folder.path());
        let server = open(folder.path(), Duration::ZERO);
        say(&server.service()).await
    };
    assert!(sound.len() > 20 && sound.values().all(Result::is_ok), "{}", sound.len());
    let (mut harmless, mut damaged, mut refused) = (0, 0, 0);
    for seed in 0..seeds {
        let folder = tempfile::tempdir().unwrap();
        copy_files(base.path(), folder.path());
        let what = flip(folder.path(), seed);
        let opened = match SqliteStorage::open(folder.path()) {
            Ok(opened) => opened,
            Err(error) => {
                assert!(error.to_string().contains("sqlite"), "{what}: {error}");
                refused += 1;
                continue;
            }
        };
        drop(opened);
        let server = open(folder.path(), Duration::ZERO);
        let said = say(&server.service()).await;
        let lost: Vec<_> = said.values().filter(|said| **said == Err(Code::DataLoss)).collect();
        for (run_id, sound) in &sound {
            match said.get(run_id) {
                Some(Err(Code::DataLoss)) => {}
                Some(said) => assert!(said == sound, "{what}: {run_id} says {said:?} instead of {sound:?}"),
                // Its names are what is damaged.
                None => assert!(!lost.is_empty(), "{what}: {run_id} is not there"),
            }
        }
        assert!(said.len() >= sound.len(), "{what}: {} runs are listed", said.len());
        if lost.is_empty() { harmless += 1 } else { damaged += 1 }
    }
    eprintln!("{harmless} harmless, {damaged} with a damaged run, {refused} refused");
    assert!(seeds != 100 || harmless > 0 && damaged > 0 && refused > 0);
}

/// Changes one bit of one file; answers which. Every other seed hits what is stored of runs.
fn flip(folder: &Path, seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut draw = |end: usize| usize::try_from(random.below(u64::try_from(end).unwrap())).unwrap();
    let names =
        ["runs.sqlite", "runs.sqlite", "runs.sqlite", "log.sqlite", "log.sqlite-wal", "runs.sqlite-wal"];
    let name = names[draw(names.len())];
    let path = folder.join(name);
    let mut bytes = fs::read(&path).unwrap();
    if bytes.is_empty() {
        return format!("seed {seed}: nothing, {name} is empty");
    }
    // Bytes of zero are mostly room that is not used.
    let mut byte = draw(bytes.len());
    for _ in 0..20 {
        if bytes[byte] != 0 {
            break;
        }
        byte = draw(bytes.len());
    }
    let bit = draw(8);
    bytes[byte] ^= 1 << bit;
    fs::write(&path, bytes).unwrap();
    format!("seed {seed}: bit {bit} of byte {byte} of {name}")
}
