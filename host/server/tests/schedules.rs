//! Schedules as clients meet them: over gRPC, and after a restart.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{path::Path, sync::Arc, time::Duration};

use host_server::{Listener, Options, Server};
use host_service::{ConnectOptions, RemoteService, WorkflowService, status_detail};
use host_wire::{
    duration_to_proto,
    temporal::api::{
        common::v1::{Memo, Payload, SearchAttributes, WorkflowType},
        enums::v1::{IndexedValueType, ScheduleOverlapPolicy, WorkflowIdReusePolicy},
        errordetails::v1::WorkflowExecutionAlreadyStartedFailure,
        schedule::v1::{
            BackfillRequest, IntervalSpec, Schedule, ScheduleAction, SchedulePatch, SchedulePolicies,
            ScheduleSpec, ScheduleState, schedule_action::Action,
        },
        taskqueue::v1::TaskQueue,
        workflow::v1::NewWorkflowExecutionInfo,
        workflowservice::v1::*,
    },
};
use prost_types::Timestamp;
use tonic::{Code, Request, Status};

type Service = Arc<dyn WorkflowService>;

const NAMESPACE: &str = "default";

fn open(folder: &Path) -> Server {
    let search_attributes =
        [("Number".to_owned(), IndexedValueType::Int), ("Words".to_owned(), IndexedValueType::KeywordList)];
    let options = Options { search_attributes: search_attributes.into(), ..Options::default() };
    Server::open(folder, options).unwrap()
}

/// The service over gRPC, until the end of the test.
async fn remote(server: &Arc<Server>) -> Service {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = format!("http://{}", listener.address());
    let server = server.clone();
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    let options = ConnectOptions { address, ..ConnectOptions::default() };
    Arc::new(RemoteService::connect(&options).await.unwrap())
}

/// A schedule of every hour, which is paused.
fn schedule() -> Schedule {
    let workflow = NewWorkflowExecutionInfo {
        workflow_id: "report".to_owned(),
        workflow_type: Some(WorkflowType { name: "Report".to_owned() }),
        task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
        ..NewWorkflowExecutionInfo::default()
    };
    let interval = Some(duration_to_proto(Duration::from_secs(3_600)));
    Schedule {
        spec: Some(ScheduleSpec {
            interval: vec![IntervalSpec { interval, phase: None }],
            ..ScheduleSpec::default()
        }),
        action: Some(ScheduleAction { action: Some(Action::StartWorkflow(workflow)) }),
        policies: Some(SchedulePolicies::default()),
        state: Some(ScheduleState { paused: true, ..ScheduleState::default() }),
    }
}

fn creation(id: &str) -> CreateScheduleRequest {
    CreateScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: id.to_owned(),
        schedule: Some(schedule()),
        request_id: format!("create-{id}"),
        ..CreateScheduleRequest::default()
    }
}

async fn create(service: &Service, request: CreateScheduleRequest) -> Result<CreateScheduleResponse, Status> {
    Ok(service.create_schedule(Request::new(request)).await?.into_inner())
}

async fn describe(service: &Service, id: &str) -> Result<DescribeScheduleResponse, Status> {
    let request = DescribeScheduleRequest { namespace: NAMESPACE.to_owned(), schedule_id: id.to_owned() };
    Ok(service.describe_schedule(Request::new(request)).await?.into_inner())
}

async fn patch(service: &Service, id: &str, request_id: &str, patch: SchedulePatch) -> Result<(), Status> {
    let request = PatchScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: id.to_owned(),
        request_id: request_id.to_owned(),
        patch: Some(patch),
        ..PatchScheduleRequest::default()
    };
    service.patch_schedule(Request::new(request)).await.map(|_| ())
}

fn backfill(hours: i64) -> SchedulePatch {
    let time = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let start = 1_710_504_000;
    let request = BackfillRequest {
        start_time: time(start),
        end_time: time(start + (hours - 1) * 3_600),
        overlap_policy: ScheduleOverlapPolicy::AllowAll.into(),
    };
    SchedulePatch { backfill_request: vec![request], ..SchedulePatch::default() }
}

async fn workflow_ids(service: &Service) -> Vec<String> {
    let request = ListWorkflowExecutionsRequest { namespace: NAMESPACE.to_owned(), ..Default::default() };
    let listed = service.list_workflow_executions(Request::new(request)).await.unwrap().into_inner();
    let mut ids: Vec<_> = listed.executions.into_iter().map(|it| it.execution.unwrap().workflow_id).collect();
    ids.sort();
    ids
}

async fn list(service: &Service, query: &str, page_size: i32) -> Result<Vec<Vec<String>>, Status> {
    let mut pages = Vec::new();
    let mut request = ListSchedulesRequest {
        namespace: NAMESPACE.to_owned(),
        maximum_page_size: page_size,
        query: query.to_owned(),
        ..ListSchedulesRequest::default()
    };
    loop {
        let page = service.list_schedules(Request::new(request.clone())).await?.into_inner();
        pages.push(page.schedules.into_iter().map(|schedule| schedule.schedule_id).collect());
        if page.next_page_token.is_empty() {
            return Ok(pages);
        }
        request.next_page_token = page.next_page_token;
    }
}

/// Runs a test on a runtime of its own, so that everything that serves ends with it.
fn until_the_end<R>(test: impl Future<Output = R>) -> R {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let result = runtime.block_on(test);
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

/// What is described, but for times to come, which go by the clock.
fn without_times(mut description: DescribeScheduleResponse) -> DescribeScheduleResponse {
    description.info.as_mut().unwrap().future_action_times.clear();
    description
}

#[test]
fn a_schedule_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = creation("one");
    let text = Payload { data: "\"x\"".into(), ..Payload::default() };
    request.memo = Some(Memo { fields: [("a".to_owned(), text)].into() });
    let number = Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec().into())].into(),
        data: "1".into(),
        ..Payload::default()
    };
    let fields = [("Number".to_owned(), number)];
    request.search_attributes = Some(SearchAttributes { indexed_fields: fields.into() });
    request.initial_patch = Some(backfill(3));
    let (before, ids) = until_the_end(async {
        let server = Arc::new(open(folder.path()));
        let service = remote(&server).await;
        create(&service, request.clone()).await.unwrap();
        create(&service, creation("two")).await.unwrap();
        (describe(&service, "one").await.unwrap(), workflow_ids(&service).await)
    });
    assert_eq!(ids.len(), 3);
    until_the_end(async {
        let server = open(folder.path());
        let service = server.service();
        let after = describe(&service, "one").await.unwrap();
        assert_eq!(without_times(after), without_times(before));
        assert_eq!(workflow_ids(&service).await, ids);
        // The same request again: it is there, and nothing is done twice.
        create(&service, request).await.unwrap();
        assert_eq!(workflow_ids(&service).await, ids);
        patch(&service, "two", "r", backfill(4)).await.unwrap();
        patch(&service, "two", "r", backfill(5)).await.unwrap();
        let delete = DeleteScheduleRequest {
            namespace: NAMESPACE.to_owned(),
            schedule_id: "one".to_owned(),
            ..DeleteScheduleRequest::default()
        };
        service.delete_schedule(Request::new(delete)).await.unwrap();
    });
    assert_eq!(host_server::check_folder(folder.path()).unwrap(), []);
    until_the_end(async {
        let server = open(folder.path());
        let service = server.service();
        assert_eq!(describe(&service, "one").await.unwrap_err().code(), Code::NotFound);
        // The ids of three were taken.
        let two = describe(&service, "two").await.unwrap().info.unwrap();
        assert_eq!((two.action_count, two.recent_actions.len()), (1, 1));
        assert_eq!(workflow_ids(&service).await.len(), 4);
    });
}

#[tokio::test]
async fn refusals_are_those_of_the_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(open(folder.path()));
    let service = remote(&server).await;
    create(&service, creation("one")).await.unwrap();
    let again = CreateScheduleRequest { request_id: "other".to_owned(), ..creation("one") };
    let refused = create(&service, again).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    let detail: WorkflowExecutionAlreadyStartedFailure = status_detail(&refused).unwrap();
    assert_eq!(detail.start_request_id, "create-one");

    let mut with_policy = creation("two");
    let Some(Action::StartWorkflow(workflow)) =
        &mut with_policy.schedule.as_mut().unwrap().action.as_mut().unwrap().action
    else {
        panic!("it starts a workflow")
    };
    workflow.workflow_id_reuse_policy = WorkflowIdReusePolicy::RejectDuplicate.into();
    let mut with_spec = creation("two");
    with_spec.schedule.as_mut().unwrap().spec.as_mut().unwrap().cron_string = vec!["60 * * * *".to_owned()];
    let without_id = CreateScheduleRequest { request_id: String::new(), ..creation("two") };
    let elsewhere = CreateScheduleRequest { namespace: "elsewhere".to_owned(), ..creation("two") };
    for (request, code, message) in [
        (with_policy, Code::InvalidArgument, "Scheduled workflow must not contain WorkflowIDReusePolicy"),
        (with_spec, Code::InvalidArgument, "Invalid schedule spec: Minute is not in range [0-59]"),
        (without_id, Code::InvalidArgument, "RequestId is not set on request."),
        (elsewhere, Code::NotFound, "Namespace elsewhere is not found."),
    ] {
        let refused = create(&service, request).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (code, message));
    }

    let token = describe(&service, "one").await.unwrap().conflict_token;
    let pause = SchedulePatch { pause: "stop".to_owned(), ..SchedulePatch::default() };
    patch(&service, "one", "", pause).await.unwrap();
    let update = UpdateScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: "one".to_owned(),
        schedule: Some(schedule()),
        conflict_token: token,
        ..UpdateScheduleRequest::default()
    };
    let refused = service.update_schedule(Request::new(update.clone())).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let token = describe(&service, "one").await.unwrap().conflict_token;
    service
        .update_schedule(Request::new(UpdateScheduleRequest { conflict_token: token, ..update }))
        .await
        .unwrap();
    let notes = describe(&service, "one").await.unwrap().schedule.unwrap().state.unwrap().notes;
    assert_eq!(notes, "");
    patch(&service, "none", "", SchedulePatch::default()).await.unwrap_err();
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(open(folder.path()));
    let service = remote(&server).await;
    for (number, id) in (0..).zip(["a", "b", "c", "d", "e"]) {
        let mut request = creation(id);
        request.schedule.as_mut().unwrap().state.as_mut().unwrap().paused = number % 2 == 0;
        let metadata = [("encoding".to_owned(), b"json/plain".to_vec().into())];
        let payload = |json: String| Payload {
            metadata: metadata.clone().into(),
            data: json.into(),
            ..Payload::default()
        };
        let attributes = [
            ("Number".to_owned(), payload(number.to_string())),
            ("Words".to_owned(), payload(format!("[\"{id}\",\"all\"]"))),
        ];
        request.search_attributes = Some(SearchAttributes { indexed_fields: attributes.into() });
        create(&service, request).await.unwrap();
    }
    let expect = |ids: &[&[&str]]| -> Vec<Vec<String>> {
        ids.iter().map(|page| page.iter().map(|id| (*id).to_owned()).collect()).collect()
    };
    assert_eq!(list(&service, "", 2).await.unwrap(), expect(&[&["e", "d"], &["c", "b"], &["a"]]));
    for (query, page_size, pages) in [
        ("TemporalSchedulePaused = true", 2, &[&["e", "c"][..], &["a"]][..]),
        ("TemporalSchedulePaused = false AND Number < 2", 5, &[&["b"]]),
        ("ScheduleId IN ('a', 'd')", 5, &[&["d", "a"]]),
        ("ScheduleId STARTS_WITH 'f'", 5, &[&[]]),
        ("Words = 'c'", 5, &[&["c"]]),
        ("ExecutionStatus = 'Running'", 5, &[&["e", "d", "c", "b", "a"]]),
    ] {
        assert_eq!(list(&service, query, page_size).await.unwrap(), expect(pages), "{query}");
        let request = CountSchedulesRequest { namespace: NAMESPACE.to_owned(), query: query.to_owned() };
        let counted = service.count_schedules(Request::new(request)).await.unwrap().into_inner();
        assert_eq!(counted.count, pages.concat().len() as i64, "{query}");
    }
    let refused = list(&service, "Unknown = 1", 5).await.unwrap_err();
    assert_eq!(
        refused.message(),
        "invalid query: invalid expression: column name 'Unknown' is not a valid search attribute"
    );
}

#[tokio::test]
async fn search_attributes_are_registered_before_a_schedule_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(open(folder.path()));
    let service = remote(&server).await;
    let unknown = SearchAttributes { indexed_fields: [("Unknown".to_owned(), Payload::default())].into() };
    let message = "Namespace default has no mapping defined for search attribute Unknown";
    let mut of_schedule = creation("one");
    of_schedule.search_attributes = Some(unknown.clone());
    assert_eq!(create(&service, of_schedule).await.unwrap_err().message(), message);
    let mut of_action = creation("one");
    let action = of_action.schedule.as_mut().unwrap().action.as_mut().unwrap();
    let Some(Action::StartWorkflow(workflow)) = &mut action.action else { panic!("{action:?}") };
    workflow.search_attributes = Some(unknown.clone());
    let changed = of_action.schedule.clone();
    assert_eq!(create(&service, of_action).await.unwrap_err().message(), message);

    create(&service, creation("one")).await.unwrap();
    let update = UpdateScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: "one".to_owned(),
        schedule: changed,
        ..UpdateScheduleRequest::default()
    };
    let refused = service.update_schedule(Request::new(update)).await.unwrap_err();
    assert_eq!(refused.message(), message);
}

/// The clock takes actions by itself, and their runs say where they come from.
#[tokio::test]
async fn actions_are_taken_when_their_time_comes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(open(folder.path()));
    let service = remote(&server).await;
    let mut request = creation("fast");
    let schedule = request.schedule.as_mut().unwrap();
    schedule.state = None;
    schedule.spec.as_mut().unwrap().interval[0].interval = Some(duration_to_proto(Duration::from_secs(1)));
    create(&service, request).await.unwrap();
    let info = loop {
        let info = describe(&service, "fast").await.unwrap().info.unwrap();
        if info.overlap_skipped > 0 {
            break info;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let [action] = &info.recent_actions[..] else { panic!("{:?}", info.recent_actions) };
    assert_eq!(info.running_workflows, [action.start_workflow_result.clone().unwrap()]);
    let request = DescribeWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        execution: action.start_workflow_result.clone(),
    };
    let run = service.describe_workflow_execution(Request::new(request)).await.unwrap().into_inner();
    let fields = run.workflow_execution_info.unwrap().search_attributes.unwrap().indexed_fields;
    let text = |name: &str| String::from_utf8(fields[name].data.to_vec()).unwrap();
    assert_eq!(text("TemporalScheduledById"), "\"fast\"");
    assert_eq!(text("TemporalScheduledStartTime"), format!("\"{}\"", action.schedule_time.unwrap()));
}
