//! What one client or one run costs all others: how long workflows take that start at a fixed rate, in a quiet
//! service and beside a load, in turns. Run it with `cargo bench -p host-server`.
//!
//! `HOST_BENCH_PAIRS` is how often each load is compared with quiet; the medians of the pairs are printed.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and panics on failure")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use host_server::{Options, Server};
use host_service::WorkflowService;
use host_wire::temporal::api::{
    command::v1::{
        Command, CompleteWorkflowExecutionCommandAttributes, StartTimerCommandAttributes, command::Attributes,
    },
    common::v1::{Payload, Payloads, WorkflowExecution, WorkflowType},
    enums::v1::{CommandType, HistoryEventFilterType},
    query::v1::WorkflowQuery,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::*,
};
use tokio::{
    task::JoinSet,
    time::{Instant, interval, sleep, sleep_until},
};
use tonic::Request;

type Service = Arc<dyn WorkflowService>;

/// Between two starts of neighbours: 100 workflows per second.
const BETWEEN_STARTS: Duration = Duration::from_millis(10);
/// How long neighbours are measured.
const PERIOD: Duration = Duration::from_secs(6);
/// Polls that wait for the neighbours' tasks.
const POLLS: usize = 8;
/// Pairs, unless `HOST_BENCH_PAIRS` says otherwise.
const PAIRS: usize = 5;
/// Queries that wait for a worker which does not come.
const QUERIES: usize = 10_000;
/// From an answer until the same client asks again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Runs with timers that are due at once, and timers of each.
const TIMERS: (usize, usize) = (100, 1_000);
/// How long after the command the timers are due: when neighbours are being measured.
const DUE_AFTER: Duration = Duration::from_secs(12);
/// Signals of one run, and bytes of each: some 45 MB of history.
const SIGNALS: (usize, usize) = (45, 1_000_000);

/// How long the files take to get it.
const WRITTEN_WITHIN: Duration = Duration::from_secs(4);

/// Open runs that are listed and read.
const OPEN_RUNS: usize = 10_000;
/// Runs of a page of the list.
const PAGE_RUNS: i32 = 1_000;
/// Histories that are read at once.
const READS: usize = 4;

/// What goes on beside the neighbours.
#[derive(Clone, Copy, Debug)]
enum Load {
    Queries,
    Timers,
    LargeRun,
    Gate,
}

#[tokio::main]
async fn main() {
    let pairs = std::env::var("HOST_BENCH_PAIRS").map_or(PAIRS, |pairs| pairs.parse().unwrap());
    println!("  {:<10} {:>12} {:>12} {:>12} {:>8}", "load", "p50", "p99", "p99 quiet", "ratio");
    for load in [Load::Queries, Load::Timers, Load::LargeRun, Load::Gate] {
        let mut rows = Vec::new();
        for _ in 0..pairs {
            let [_, quiet] = measured(None).await;
            let [p50, p99] = measured(Some(load)).await;
            rows.push((p99.as_secs_f64() / quiet.as_secs_f64(), p50, p99, quiet));
        }
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, p50, p99, quiet) = rows[rows.len() / 2];
        let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
        let name = format!("{load:?}");
        println!("  {name:<10} {:>12} {:>12} {:>12} {ratio:>8.2}", ms(p50), ms(p99), ms(quiet));
    }
}

/// Median and 99th percentile of the neighbours, on a service of their own.
async fn measured(load: Option<Load>) -> [Duration; 2] {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path(), Options::default()).unwrap();
    let service = server.service();
    let over = Arc::new(AtomicBool::new(false));
    let mut loads = JoinSet::new();
    match load {
        None => {}
        Some(Load::Queries) => wait_for_queries(&service, &mut loads).await,
        Some(Load::Timers) => timers_at_once(&service).await,
        Some(Load::LargeRun) => read_a_large_run(&service, &over, &mut loads).await,
        Some(Load::Gate) => read_open_runs(&service, &over, &mut loads).await,
    }
    let mut workers = JoinSet::new();
    for _ in 0..POLLS {
        workers.spawn(completes(service.clone()));
    }
    let mut neighbours = JoinSet::new();
    let mut ticks = interval(BETWEEN_STARTS);
    let begin = Instant::now();
    while begin.elapsed() < PERIOD {
        ticks.tick().await;
        let number = neighbours.len();
        neighbours.spawn(neighbour(service.clone(), number));
    }
    let mut latencies = neighbours.join_all().await;
    over.store(true, Ordering::Relaxed);
    workers.shutdown().await;
    loads.shutdown().await;
    server.close();
    latencies.sort();
    [50, 99].map(|percent| latencies[(latencies.len() - 1) * percent / 100])
}

/// From the start of a workflow to its result.
async fn neighbour(service: Service, number: usize) -> Duration {
    let asked = Instant::now();
    let workflow_id = format!("neighbour-{number}");
    start(&service, &workflow_id, "neighbours").await;
    let wait = GetWorkflowExecutionHistoryRequest {
        namespace: "default".to_owned(),
        execution: execution(&workflow_id),
        wait_new_event: true,
        history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
        ..Default::default()
    };
    service.get_workflow_execution_history(Request::new(wait)).await.unwrap();
    asked.elapsed()
}

async fn completes(service: Service) {
    loop {
        let task = poll(&service, "neighbours").await;
        let attributes = CompleteWorkflowExecutionCommandAttributes::default();
        let attributes = Attributes::CompleteWorkflowExecutionCommandAttributes(attributes.into());
        respond(&service, task, CommandType::CompleteWorkflowExecution, vec![attributes]).await;
    }
}

/// Queries of a run whose queue no worker polls. Those that are refused at once are asked again, as clients do.
async fn wait_for_queries(service: &Service, loads: &mut JoinSet<()>) {
    start(service, "queried", "abandoned").await;
    let task = poll(service, "abandoned").await;
    respond(service, task, CommandType::Unspecified, Vec::new()).await;
    for _ in 0..QUERIES {
        let service = service.clone();
        loads.spawn(async move {
            loop {
                let query = QueryWorkflowRequest {
                    namespace: "default".to_owned(),
                    execution: execution("queried"),
                    query: Some(WorkflowQuery { query_type: "state".to_owned(), ..Default::default() }),
                    ..Default::default()
                };
                drop(service.query_workflow(Request::new(query)).await);
                sleep(ASK_AGAIN_AFTER).await;
            }
        });
    }
    sleep(Duration::from_secs(1)).await;
}

/// Returns two seconds before they are due.
async fn timers_at_once(service: &Service) {
    let begin = Instant::now();
    let (runs, timers) = TIMERS;
    for run in 0..runs {
        start(service, &format!("timers-{run}"), "timers").await;
        let task = poll(service, "timers").await;
        let left = DUE_AFTER.saturating_sub(begin.elapsed());
        let left = Some(left.try_into().unwrap());
        let timer = |timer| {
            let timer_id = format!("{timer}");
            let attributes = StartTimerCommandAttributes { timer_id, start_to_fire_timeout: left };
            Attributes::StartTimerCommandAttributes(attributes.into())
        };
        respond(service, task, CommandType::StartTimer, (0..timers).map(timer).collect()).await;
    }
    sleep_until(begin + DUE_AFTER - Duration::from_secs(2)).await;
}

/// A run of tens of megabytes, whose history two clients read all the time.
async fn read_a_large_run(service: &Service, over: &Arc<AtomicBool>, loads: &mut JoinSet<()>) {
    start(service, "large", "large").await;
    let (signals, bytes) = SIGNALS;
    for _ in 0..signals {
        let payload = Payload { data: vec![b'x'; bytes].into(), ..Payload::default() };
        let signal = SignalWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: execution("large"),
            signal_name: "more".to_owned(),
            input: Some(Payloads { payloads: vec![payload] }),
            ..Default::default()
        };
        service.signal_workflow_execution(Request::new(signal)).await.unwrap();
    }
    // What is measured is that it is there and read, not that it was written.
    sleep(WRITTEN_WITHIN).await;
    for _ in 0..2 {
        let (service, over) = (service.clone(), over.clone());
        loads.spawn(async move {
            let mut next_page_token = bytes::Bytes::new();
            while !over.load(Ordering::Relaxed) {
                let read = GetWorkflowExecutionHistoryRequest {
                    namespace: "default".to_owned(),
                    execution: execution("large"),
                    next_page_token,
                    ..Default::default()
                };
                let page = service.get_workflow_execution_history(Request::new(read)).await.unwrap();
                next_page_token = page.into_inner().next_page_token;
                // As a client that decodes it and sends the next request.
                sleep(Duration::from_millis(5)).await;
            }
        });
    }
}

/// Open runs that a client lists and whose histories it reads all the time, as one that checks a module on them.
async fn read_open_runs(service: &Service, over: &Arc<AtomicBool>, loads: &mut JoinSet<()>) {
    for run in 0..OPEN_RUNS {
        start(service, &format!("open-{run}"), "open").await;
        let task = poll(service, "open").await;
        respond(service, task, CommandType::Unspecified, Vec::new()).await;
    }
    sleep(WRITTEN_WITHIN).await;
    let (service, over) = (service.clone(), over.clone());
    loads.spawn(async move {
        let mut next_page_token = bytes::Bytes::new();
        while !over.load(Ordering::Relaxed) {
            let list = ListWorkflowExecutionsRequest {
                namespace: "default".to_owned(),
                page_size: PAGE_RUNS,
                next_page_token,
                query: "TaskQueue = 'open' AND ExecutionStatus = 'Running'".to_owned(),
            };
            let page = service.list_workflow_executions(Request::new(list)).await.unwrap().into_inner();
            next_page_token = page.next_page_token;
            let mut reads = JoinSet::new();
            for run in page.executions {
                if reads.len() == READS {
                    reads.join_next().await;
                }
                let service = service.clone();
                reads.spawn(async move {
                    let read = GetWorkflowExecutionHistoryRequest {
                        namespace: "default".to_owned(),
                        execution: run.execution,
                        ..Default::default()
                    };
                    drop(service.get_workflow_execution_history(Request::new(read)).await.unwrap());
                    // As a client that replays it.
                    sleep(Duration::from_millis(1)).await;
                });
            }
            reads.join_all().await;
        }
    });
}

async fn start(service: &Service, workflow_id: &str, queue: &str) {
    let request = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: task_queue(queue),
        ..Default::default()
    };
    service.start_workflow_execution(Request::new(request)).await.unwrap();
}

/// The next workflow task of a queue.
async fn poll(service: &Service, queue: &str) -> PollWorkflowTaskQueueResponse {
    loop {
        let request = PollWorkflowTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: task_queue(queue),
            ..Default::default()
        };
        let task = service.poll_workflow_task_queue(Request::new(request)).await.unwrap().into_inner();
        if !task.task_token.is_empty() {
            return task;
        }
    }
}

async fn respond(
    service: &Service,
    task: PollWorkflowTaskQueueResponse,
    command_type: CommandType,
    commands: Vec<Attributes>,
) {
    let commands = commands.into_iter().map(|attributes| Command {
        command_type: command_type.into(),
        attributes: Some(attributes),
        ..Command::default()
    });
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token,
        commands: commands.collect(),
        ..Default::default()
    };
    service.respond_workflow_task_completed(Request::new(request)).await.unwrap();
}

#[expect(clippy::unnecessary_wraps, reason = "that is what requests have")]
fn task_queue(name: &str) -> Option<TaskQueue> {
    Some(TaskQueue { name: name.to_owned(), ..TaskQueue::default() })
}

#[expect(clippy::unnecessary_wraps, reason = "that is what requests have")]
fn execution(workflow_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() })
}
