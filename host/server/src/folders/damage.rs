//! Folders with damaged runs, through the calls of the service.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use host_service::WorkflowService;
use host_wire::temporal::api::{
    common::v1::WorkflowExecution, enums::v1::WorkflowExecutionStatus as RunStatus, query::v1::WorkflowQuery,
    taskqueue::v1::TaskQueue, workflow::v1::WorkflowExecutionInfo, workflowservice::v1::*,
};
use rusqlite::Connection;
use tempfile::TempDir;
use tonic::{Code, Request, Status};

use crate::{
    Server,
    environment::{Blocking, Clock, Environment, Ids},
    folders::{FILES, copy, kept, make},
    options::Options,
    storage::SqliteStorage,
    time::Time,
};

type Service = Arc<dyn WorkflowService>;

/// The kept folder whose runs are damaged here.
const KEPT: u32 = 3;

/// A copy of the kept folder in the format of this version.
fn migrated() -> TempDir {
    let folder = copy(KEPT);
    drop(SqliteStorage::open(folder.path()).unwrap());
    folder
}

/// The service on a folder, at a time after the one at which it was made.
fn open(folder: &Path, later: Duration) -> Server {
    let made = Time(fs::read_to_string(kept(KEPT).join("time")).unwrap().parse().unwrap());
    let now = made.after(later);
    let environment =
        Environment { clock: Clock::new(move || now), ids: Ids::random(), blocking: Blocking::Threads };
    // Closed runs are kept, however late it is.
    let options = Options { retention: Duration::from_secs(1 << 32), ..Options::default() };
    Server::start(SqliteStorage::open(folder).unwrap(), options, environment)
}

/// Changes a byte in the last record of a run.
fn damage(folder: &Path, workflow_id: &str) {
    let sql = "UPDATE records SET records = CAST(substr(records, 1, length(records) - 6) || x'00' ||
               substr(records, length(records) - 4) AS BLOB)
               WHERE number = (SELECT max(number) FROM run WHERE workflow_id = ?1)
               AND position = (SELECT max(position) FROM records AS r WHERE r.number = records.number)";
    let runs = Connection::open(folder.join("runs.sqlite")).unwrap();
    assert_eq!(runs.execute(sql, [workflow_id]).unwrap(), 1);
}

fn execution(workflow_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() })
}

async fn list(service: &Service) -> Vec<WorkflowExecutionInfo> {
    let request = ListWorkflowExecutionsRequest { namespace: "default".to_owned(), ..Default::default() };
    service.list_workflow_executions(Request::new(request)).await.unwrap().into_inner().executions
}

async fn listed(service: &Service, workflow_id: &str) -> WorkflowExecutionInfo {
    let all = list(service).await;
    let is_it = |info: &WorkflowExecutionInfo| info.execution.as_ref().unwrap().workflow_id == workflow_id;
    all.into_iter().find(is_it).unwrap()
}

fn damage_shown(info: &WorkflowExecutionInfo) -> Option<String> {
    let shown = info.search_attributes.as_ref()?.indexed_fields.get("HostDamage")?;
    Some(String::from_utf8(shown.data.to_vec()).unwrap())
}

/// What calls about a workflow answer, by name.
async fn call_all(service: &Service, workflow_id: &str) -> Vec<(&'static str, Code)> {
    let (namespace, on) = ("default".to_owned(), execution(workflow_id));
    let mut answers = Vec::new();
    macro_rules! call {
        ($method:ident, $request:expr) => {
            let answer = service.$method(Request::new($request)).await;
            answers
                .push((stringify!($method), answer.err().map_or(Code::Ok, |status: Status| status.code())));
        };
    }
    call!(
        describe_workflow_execution,
        DescribeWorkflowExecutionRequest { namespace: namespace.clone(), execution: on.clone() }
    );
    call!(
        get_workflow_execution_history,
        GetWorkflowExecutionHistoryRequest {
            namespace: namespace.clone(),
            execution: on.clone(),
            ..Default::default()
        }
    );
    call!(
        get_workflow_execution_history_reverse,
        GetWorkflowExecutionHistoryReverseRequest {
            namespace: namespace.clone(),
            execution: on.clone(),
            ..Default::default()
        }
    );
    call!(
        query_workflow,
        QueryWorkflowRequest {
            namespace: namespace.clone(),
            execution: on.clone(),
            query: Some(WorkflowQuery { query_type: "q".to_owned(), ..Default::default() }),
            ..Default::default()
        }
    );
    call!(
        signal_workflow_execution,
        SignalWorkflowExecutionRequest {
            namespace: namespace.clone(),
            workflow_execution: on.clone(),
            signal_name: "s".to_owned(),
            ..Default::default()
        }
    );
    call!(
        request_cancel_workflow_execution,
        RequestCancelWorkflowExecutionRequest {
            namespace: namespace.clone(),
            workflow_execution: on.clone(),
            ..Default::default()
        }
    );
    call!(
        reset_sticky_task_queue,
        ResetStickyTaskQueueRequest { namespace: namespace.clone(), execution: on.clone() }
    );
    call!(
        record_activity_task_heartbeat_by_id,
        RecordActivityTaskHeartbeatByIdRequest {
            namespace: namespace.clone(),
            workflow_id: workflow_id.to_owned(),
            activity_id: "a".to_owned(),
            ..Default::default()
        }
    );
    answers
}

#[tokio::test]
async fn every_call_about_a_damaged_run_is_data_loss_and_the_others_go_on() {
    let folder = migrated();
    let before = {
        let server = open(folder.path(), Duration::ZERO);
        list(&server.service()).await.len()
    };
    // Closed; open in memory; open, with an activity that a worker may take.
    let damaged = ["completed", "waiting", "unstarted"];
    for workflow_id in damaged {
        damage(folder.path(), workflow_id);
    }
    for life in 0..2 {
        let server = open(folder.path(), Duration::ZERO);
        let service = server.service();
        assert_eq!(list(&service).await.len(), before);
        for workflow_id in damaged {
            for (call, code) in call_all(&service, workflow_id).await {
                assert_eq!(code, Code::DataLoss, "life {life}: {call} of {workflow_id}");
            }
            let shown = damage_shown(&listed(&service, workflow_id).await);
            assert!(shown.is_some_and(|shown| shown.contains("checksum")), "{workflow_id} in life {life}");
        }
        assert_eq!(listed(&service, "completed").await.status(), RunStatus::Completed);
        assert_eq!(listed(&service, "waiting").await.status(), RunStatus::Running);
        assert_eq!(damage_shown(&listed(&service, "timer").await), None);
        let (_, code) = call_all(&service, "timer").await[1];
        assert_eq!(code, Code::Ok, "the others go on");
        let poll = PollActivityTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: Some(TaskQueue { name: "unstarted".to_owned(), ..Default::default() }),
            ..Default::default()
        };
        let mut poll = Request::new(poll);
        poll.set_timeout(Duration::from_millis(200));
        let task = service.poll_activity_task_queue(poll).await.unwrap().into_inner();
        assert!(task.task_token.is_empty(), "a worker gets a task of a damaged run");
    }
}

#[tokio::test]
async fn a_damaged_run_can_be_terminated_and_deleted() {
    let folder = migrated();
    for workflow_id in ["completed", "waiting", "parent"] {
        damage(folder.path(), workflow_id);
    }
    let server = open(folder.path(), Duration::ZERO);
    let service = server.service();
    let before = list(&service).await.len();
    let terminate = |workflow_id: &str| TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
        ..Default::default()
    };
    let start = |workflow_id: &str| make::start_request(workflow_id, "Simple");
    let refused = service.start_workflow_execution(Request::new(start("waiting"))).await.unwrap_err();
    assert_eq!(refused.code(), Code::DataLoss, "an open run is in the way");
    assert!(refused.message().contains("terminate or delete it"), "{}", refused.message());
    service.terminate_workflow_execution(Request::new(terminate("waiting"))).await.unwrap();
    let again = service.terminate_workflow_execution(Request::new(terminate("waiting"))).await.unwrap_err();
    assert_eq!(again.code(), Code::NotFound, "{again}");
    let delete = |workflow_id: &str| DeleteWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
    };
    for workflow_id in ["completed", "parent"] {
        service.delete_workflow_execution(Request::new(delete(workflow_id))).await.unwrap();
        let gone = service.delete_workflow_execution(Request::new(delete(workflow_id))).await.unwrap_err();
        assert_eq!(gone.code(), Code::NotFound, "{gone}");
    }
    // What was acknowledged is there after a restart.
    drop(service);
    drop(server);
    let server = open(folder.path(), Duration::ZERO);
    let service = server.service();
    assert_eq!(list(&service).await.len(), before - 2);
    let terminated = listed(&service, "waiting").await;
    assert_eq!(terminated.status(), RunStatus::Terminated);
    assert!(damage_shown(&terminated).is_some());
    service.start_workflow_execution(Request::new(start("waiting"))).await.unwrap();
    assert_eq!(list(&service).await.len(), before - 1);
}

#[tokio::test]
async fn runs_are_deleted_open_and_closed() {
    let folder = migrated();
    let server = open(folder.path(), Duration::ZERO);
    let service = server.service();
    let before = list(&service).await.len();
    for workflow_id in ["completed", "timer", "parent", "retrying"] {
        let request = DeleteWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: execution(workflow_id),
        };
        service.delete_workflow_execution(Request::new(request)).await.unwrap();
        for (call, code) in call_all(&service, workflow_id).await {
            assert_eq!(code, Code::NotFound, "{call} of {workflow_id}");
        }
    }
    assert_eq!(list(&service).await.len(), before - 4);
    drop(service);
    drop(server);
    let server = open(folder.path(), Duration::ZERO);
    assert_eq!(list(&server.service()).await.len(), before - 4);
}

/// Its timer is due, and cannot fire; the timers of others fire.
#[tokio::test]
async fn a_deadline_of_a_damaged_run_stops_nothing() {
    let folder = migrated();
    damage(folder.path(), "timer");
    let server = open(folder.path(), Duration::from_secs(3_600 * 24 * 2_000));
    let service = server.service();
    let mut request = GetWorkflowExecutionHistoryRequest {
        namespace: "default".to_owned(),
        execution: execution("delayed"),
        wait_new_event: true,
        ..Default::default()
    };
    for _ in 0..2 {
        let answer = service.get_workflow_execution_history(Request::new(request.clone())).await.unwrap();
        let answer = answer.into_inner();
        assert_eq!(answer.history.unwrap().len(), 1);
        request.next_page_token = answer.next_page_token;
    }
    let (_, code) = call_all(&service, "timer").await[0];
    assert_eq!(code, Code::DataLoss);
}

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
async fn in_use() -> TempDir {
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

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Changes one bit of one file; answers which. Every other seed hits what is stored of runs.
fn flip(folder: &Path, seed: u64) -> String {
    let mut state = seed;
    let mut draw = |end: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end).unwrap()).unwrap()
    };
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
