//! Measures the service: workflows of one activity each, with workers in this process.
//!
//! `cargo run --release -p host-server --example load -- FOLDER [WORKFLOWS [AT_ONCE]]`

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use host_server::{Options, Server};
use host_wire::{
    WorkflowService, duration_to_proto,
    temporal::api::{
        command::v1::{
            Command, CompleteWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
            command::Attributes,
        },
        common::v1::{ActivityType, Payload, Payloads, WorkflowExecution, WorkflowType},
        enums::v1::HistoryEventFilterType,
        taskqueue::v1::{StickyExecutionAttributes, TaskQueue},
        workflowservice::v1::{
            GetWorkflowExecutionHistoryRequest, PollActivityTaskQueueRequest, PollWorkflowTaskQueueRequest,
            RespondActivityTaskCompletedRequest, RespondWorkflowTaskCompletedRequest,
            StartWorkflowExecutionRequest,
        },
    },
};
use tonic::{Request, Status};

const NAMESPACE: &str = "default";
const QUEUE: &str = "load";
const STICKY_QUEUE: &str = "load-sticky";
const POLLERS: usize = 8;

type Service = Arc<dyn WorkflowService>;

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "it measures time")]
#[expect(clippy::print_stdout, reason = "it prints what it measured")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: load FOLDER [WORKFLOWS [AT_ONCE]]")?);
    let workflows: usize = arguments.next().map_or(Ok(2_000), |text| text.parse())?;
    let at_once: usize = arguments.next().map_or(Ok(50), |text| text.parse())?;

    let opening = Instant::now();
    let server = Server::open(&folder, Options::default())?;
    println!("opened in {:.3} s", opening.elapsed().as_secs_f64());
    let service = server.service();
    for _ in 0..POLLERS {
        tokio::spawn(run_workflows(service.clone(), QUEUE));
        tokio::spawn(run_workflows(service.clone(), STICKY_QUEUE));
        tokio::spawn(run_activities(service.clone()));
    }

    let prefix = format!("{:x}", std::process::id());
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let clients: Vec<_> = (0..at_once)
        .map(|_| tokio::spawn(run_client(service.clone(), next.clone(), workflows, prefix.clone())))
        .collect();
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(client.await??);
    }
    let seconds = started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let percentile = |percent: usize| {
        let index = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
        latencies.get(index).copied().unwrap_or_default().as_secs_f64() * 1_000.0
    };
    println!(
        "{workflows} workflows, {at_once} at once: {:.0} workflows/s, p50 {:.2} ms, p99 {:.2} ms",
        f64::from(u32::try_from(workflows)?) / seconds,
        percentile(50),
        percentile(99)
    );
    server.close();
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
async fn run_client(
    service: Service,
    next: Arc<AtomicUsize>,
    workflows: usize,
    prefix: String,
) -> Result<Vec<Duration>, Status> {
    let mut latencies = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= workflows {
            return Ok(latencies);
        }
        let started = Instant::now();
        let workflow_id = format!("{prefix}-{number}");
        let request = StartWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_id: workflow_id.clone(),
            workflow_type: Some(WorkflowType { name: "Hello".to_owned() }),
            task_queue: Some(queue(QUEUE)),
            input: Some(payloads()),
            ..Default::default()
        };
        let run_id = service.start_workflow_execution(Request::new(request)).await?.into_inner().run_id;
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: NAMESPACE.to_owned(),
            execution: Some(WorkflowExecution { workflow_id, run_id }),
            wait_new_event: true,
            history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
            ..Default::default()
        };
        service.get_workflow_execution_history(Request::new(request)).await?;
        latencies.push(started.elapsed());
    }
}

async fn run_workflows(service: Service, name: &str) -> Result<(), Status> {
    loop {
        let request = PollWorkflowTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: Some(queue(name)),
            ..Default::default()
        };
        let task = service.poll_workflow_task_queue(Request::new(request)).await?.into_inner();
        if task.task_token.is_empty() {
            return Ok(());
        }
        let attributes = if task.previous_started_event_id == 0 {
            Attributes::ScheduleActivityTaskCommandAttributes(Box::new(
                ScheduleActivityTaskCommandAttributes {
                    activity_id: "1".to_owned(),
                    activity_type: Some(ActivityType { name: "hello".to_owned() }),
                    task_queue: Some(queue(QUEUE)),
                    input: Some(payloads()),
                    start_to_close_timeout: Some(duration_to_proto(Duration::from_secs(10))),
                    ..Default::default()
                },
            ))
        } else {
            Attributes::CompleteWorkflowExecutionCommandAttributes(Box::new(
                CompleteWorkflowExecutionCommandAttributes { result: Some(payloads()) },
            ))
        };
        let request = RespondWorkflowTaskCompletedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token,
            commands: vec![Command { attributes: Some(attributes), ..Command::default() }],
            sticky_attributes: Some(StickyExecutionAttributes {
                worker_task_queue: Some(queue(STICKY_QUEUE)),
                schedule_to_start_timeout: Some(duration_to_proto(Duration::from_secs(10))),
            }),
            ..Default::default()
        };
        service.respond_workflow_task_completed(Request::new(request)).await?;
    }
}

async fn run_activities(service: Service) -> Result<(), Status> {
    loop {
        let request = PollActivityTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: Some(queue(QUEUE)),
            ..Default::default()
        };
        let task = service.poll_activity_task_queue(Request::new(request)).await?.into_inner();
        if task.task_token.is_empty() {
            return Ok(());
        }
        let request = RespondActivityTaskCompletedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token,
            result: Some(payloads()),
            ..Default::default()
        };
        service.respond_activity_task_completed(Request::new(request)).await?;
    }
}

fn queue(name: &str) -> TaskQueue {
    TaskQueue { name: name.to_owned(), ..TaskQueue::default() }
}

fn payloads() -> Payloads {
    let metadata = [("encoding".to_owned(), bytes::Bytes::from_static(b"json/plain"))];
    Payloads {
        payloads: vec![Payload {
            metadata: metadata.into(),
            data: bytes::Bytes::from_static(b"\"hello, world\""),
            ..Payload::default()
        }],
    }
}
