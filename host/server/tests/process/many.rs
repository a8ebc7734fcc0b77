//! Many workflows in every state, a kill and a restart, and the lists compared with a ledger.
//!
//! `HOST_WORKFLOWS` says how many (default 600).

use std::{
    collections::BTreeMap,
    env,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use host_wire::{
    duration_to_proto,
    temporal::api::{
        command::v1::{
            CancelWorkflowExecutionCommandAttributes, Command, CompleteWorkflowExecutionCommandAttributes,
            FailWorkflowExecutionCommandAttributes, StartTimerCommandAttributes, command::Attributes,
        },
        common::v1::{Memo, Payload, WorkflowExecution, WorkflowType},
        enums::v1::WorkflowExecutionStatus as Status,
        failure::v1::Failure,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::*,
    },
};

use crate::child::{Client, Service, connect};

const WORKFLOWS: usize = 600;
const CLIENTS: usize = 20;
const WORKERS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);

/// What workflows of a type come to.
const KINDS: [(&str, Status); 6] = [
    ("Complete", Status::Completed),
    ("Fail", Status::Failed),
    ("Cancel", Status::Canceled),
    ("Terminate", Status::Terminated),
    ("Sleep", Status::Running),
    ("Nobody", Status::Running),
];

pub(crate) async fn many_workflows_are_listed_after_a_restart_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let workflows = env::var("HOST_WORKFLOWS").map_or(WORKFLOWS, |text| text.parse().unwrap());
    let address = Arc::new(Mutex::default());
    let mut service = Service::start(folder.path(), &address, None);
    let workers: Vec<_> = (0..WORKERS).map(|_| tokio::spawn(run_workflows(address.clone()))).collect();
    let clients = (0..CLIENTS).map(|client| {
        let address = address.clone();
        tokio::spawn(async move {
            let mut connection = connect(&address).await;
            for number in (client..workflows).step_by(CLIENTS) {
                start(&mut connection, number).await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let mut client = connect(&address).await;
    let expected: BTreeMap<_, _> = (0..workflows).map(|number| (id(number), kind(number))).collect();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let listed = list(&mut client).await;
        let wrong = expected.iter().find(|(id, expected)| listed.get(*id) != Some(expected));
        let Some((id, expected)) = wrong else { break };
        assert!(Instant::now() < deadline, "{id} is {:?} and not {expected:?}", listed.get(id));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for worker in workers {
        worker.abort();
    }
    service.kill();
    let starting = Instant::now();
    service = Service::start(folder.path(), &address, None);
    let mut client = connect(&address).await;
    println!("{workflows} workflows; started again in {:?}; {}", starting.elapsed(), memory(service.id()));
    assert_eq!(list(&mut client).await, expected);
    for (kind, status) in KINDS {
        let of_kind = expected.values().filter(|(own, _)| *own == kind).count();
        for query in [
            format!("WorkflowType = '{kind}'"),
            format!("WorkflowType = '{kind}' AND ExecutionStatus = {}", i32::from(status)),
        ] {
            let request =
                CountWorkflowExecutionsRequest { namespace: "default".to_owned(), query: query.clone() };
            let counted = client.count_workflow_executions(request).await.unwrap().into_inner().count;
            assert_eq!(usize::try_from(counted).unwrap(), of_kind, "{query}");
        }
    }
    for number in [0, workflows / 2, workflows - 1] {
        let request = DescribeWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            execution: Some(WorkflowExecution { workflow_id: id(number), run_id: String::new() }),
        };
        let described = client.describe_workflow_execution(request).await.unwrap().into_inner();
        let info = described.workflow_execution_info.unwrap();
        assert_eq!(info.status(), kind(number).1);
        assert_eq!(info.memo.unwrap(), memo(number));
    }
}

fn id(number: usize) -> String {
    format!("workflow-{number}")
}

fn kind(number: usize) -> (&'static str, Status) {
    KINDS[number % KINDS.len()]
}

fn memo(number: usize) -> Memo {
    let data = number.to_string().into();
    Memo { fields: [("number".to_owned(), Payload { data, ..Payload::default() })].into() }
}

async fn start(client: &mut Client, number: usize) {
    let (workflow_type, status) = kind(number);
    // Workers poll one queue only.
    let queue = if workflow_type == "Nobody" { "nobody" } else { "many" };
    let request = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: id(number),
        workflow_type: Some(WorkflowType { name: workflow_type.to_owned() }),
        task_queue: Some(TaskQueue { name: queue.to_owned(), ..TaskQueue::default() }),
        memo: Some(memo(number)),
        ..Default::default()
    };
    client.start_workflow_execution(request).await.unwrap();
    if status == Status::Terminated {
        let request = TerminateWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: Some(WorkflowExecution { workflow_id: id(number), run_id: String::new() }),
            ..Default::default()
        };
        client.terminate_workflow_execution(request).await.unwrap();
    }
}

/// Type and status by workflow id; checks on the way that every page is full and none repeats.
async fn list(client: &mut Client) -> BTreeMap<String, (&'static str, Status)> {
    const PAGE: usize = 170;
    let mut listed = BTreeMap::new();
    let mut request = ListWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        page_size: i32::try_from(PAGE).unwrap(),
        ..Default::default()
    };
    loop {
        let page = client.list_workflow_executions(request.clone()).await.unwrap().into_inner();
        request.next_page_token = page.next_page_token;
        assert!(request.next_page_token.is_empty() || page.executions.len() == PAGE);
        for info in page.executions {
            let status = info.status();
            let name = info.r#type.unwrap().name;
            let (name, _) = KINDS.iter().find(|(known, _)| *known == name).unwrap();
            let before = listed.insert(info.execution.unwrap().workflow_id, (*name, status));
            assert!(before.is_none(), "listed twice: {before:?}");
        }
        if request.next_page_token.is_empty() {
            return listed;
        }
    }
}

async fn run_workflows(address: Arc<Mutex<String>>) {
    let mut client = connect(&address).await;
    loop {
        let poll = PollWorkflowTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: Some(TaskQueue { name: "many".to_owned(), ..TaskQueue::default() }),
            ..Default::default()
        };
        let task = client.poll_workflow_task_queue(poll).await.unwrap().into_inner();
        let attributes = match task.workflow_type.unwrap_or_default().name.as_str() {
            "Complete" => Attributes::CompleteWorkflowExecutionCommandAttributes(Box::<
                CompleteWorkflowExecutionCommandAttributes,
            >::default()),
            "Fail" => Attributes::FailWorkflowExecutionCommandAttributes(Box::new(
                FailWorkflowExecutionCommandAttributes { failure: Some(Failure::default()) },
            )),
            "Cancel" => Attributes::CancelWorkflowExecutionCommandAttributes(Box::<
                CancelWorkflowExecutionCommandAttributes,
            >::default()),
            "Sleep" => Attributes::StartTimerCommandAttributes(Box::new(StartTimerCommandAttributes {
                timer_id: "1".to_owned(),
                start_to_fire_timeout: Some(duration_to_proto(Duration::from_secs(3_600))),
            })),
            _ => continue,
        };
        let completed = RespondWorkflowTaskCompletedRequest {
            namespace: "default".to_owned(),
            task_token: task.task_token,
            commands: vec![Command { attributes: Some(attributes), ..Command::default() }],
            ..Default::default()
        };
        // One may have been terminated meanwhile.
        drop(client.respond_workflow_task_completed(completed).await);
    }
}

/// What the process has in memory, where the system says so.
fn memory(id: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.unwrap_or("memory unknown").split_whitespace().collect::<Vec<_>>().join(" ")
}
