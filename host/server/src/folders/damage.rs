//! Folders with damaged runs, through the calls of the service.

use std::{fs, path::Path, sync::Arc, time::Duration};

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
    folders::{copy, kept, make},
    options::Options,
    storage::SqliteStorage,
    time::Time,
};

pub(super) type Service = Arc<dyn WorkflowService>;

/// The kept folder whose runs are damaged here.
const KEPT: u32 = 3;

/// A copy of the kept folder in the format of this version.
pub(super) fn migrated() -> TempDir {
    let folder = copy(KEPT);
    drop(SqliteStorage::open(folder.path()).unwrap());
    folder
}

/// The service on a folder, at a time after the one at which it was made.
pub(super) fn open(folder: &Path, later: Duration) -> Server {
    let made = Time(fs::read_to_string(kept(KEPT).join("time")).unwrap().parse().unwrap());
    let now = made.after(later);
    let environment = Environment {
        clock: Clock::new(move || now),
        ids: Ids::random(),
        blocking: Blocking::Threads,
        time_skipping: None,
    };
    // Closed runs are kept, however late it is.
    let options = Options { retention: Duration::from_secs(1 << 32), ..Options::default() };
    Server::start(SqliteStorage::open(folder).unwrap(), options, environment)
}

/// Changes a byte in the last record of a run.
pub(super) fn damage(folder: &Path, workflow_id: &str) {
    let sql = "UPDATE records SET records = CAST(substr(records, 1, length(records) - 6) || x'00' ||
               substr(records, length(records) - 4) AS BLOB)
               WHERE number = (SELECT max(number) FROM run WHERE workflow_id = ?1)
               AND position = (SELECT max(position) FROM records AS r WHERE r.number = records.number)";
    let runs = Connection::open(folder.join("runs.sqlite")).unwrap();
    assert_eq!(runs.execute(sql, [workflow_id]).unwrap(), 1);
}

pub(super) fn execution(workflow_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() })
}

pub(super) async fn list(service: &Service) -> Vec<WorkflowExecutionInfo> {
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
    // The second may be there before the first is read.
    let mut events = 0;
    while events < 2 {
        let answer = service.get_workflow_execution_history(Request::new(request.clone())).await.unwrap();
        let answer = answer.into_inner();
        events += answer.history.unwrap().len();
        request.next_page_token = answer.next_page_token;
    }
    assert_eq!(events, 2);
    let (_, code) = call_all(&service, "timer").await[0];
    assert_eq!(code, Code::DataLoss);
}
