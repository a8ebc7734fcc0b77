//! `kill -9` at random moments and at named points of the storage, under load, with a ledger of what
//! was acknowledged.
//!
//! After each kill the service is started again on the same folder; every second life ends at one of
//! [`POINTS`]. At the end every acknowledged start and signal
//! is in the histories exactly once, and every workflow ended with the right result.
//!
//! `HOST_KILLS` says how often (default 6), `HOST_SEED` repeats a run.
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fuzz::Random;
use host_wire::{
    EventAttributes, duration_to_proto,
    temporal::api::{
        command::v1::{
            Command as WorkflowCommand, CompleteWorkflowExecutionCommandAttributes,
            ScheduleActivityTaskCommandAttributes, command::Attributes,
        },
        common::v1::{ActivityType, Payload, Payloads, WorkflowExecution, WorkflowType},
        history::v1::HistoryEvent,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::*,
    },
};
use tonic::{Code, Request, Status};

use crate::{
    child::{Client, Service, connect},
    ticking,
};

const KILLS: u64 = 6;
/// Places where the service ends itself, with the most times that they are passed before. One is between
/// the group and its commit, one between the sync and its acknowledgement, and so on.
const POINTS: [(&str, u64); 7] = [
    ("log-gathered", 300),
    ("log-written", 300),
    ("log-synced", 300),
    ("log-cut", 0),
    ("log-checkpointed", 0),
    ("runs-written", 2),
    ("runs-synced", 2),
];
/// How long a life may take until it comes to its place, on a busy machine too; not every one comes to
/// every place.
const LIFE: Duration = Duration::from_secs(5);
const CLIENTS: u64 = 6;
const SIGNALS: usize = 5;
const QUEUE: &str = "kill";
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the workflows may take to end after the last kill.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the service has acknowledged: signals by workflow id.
type Ledger = Arc<Mutex<BTreeMap<String, (String, BTreeSet<String>)>>>;

pub(crate) fn nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let kills = env::var("HOST_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let seed = env::var("HOST_SEED").map_or_else(|_| clock_seed(), |text| text.parse().unwrap());
    eprintln!("HOST_SEED={seed}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(folder.path(), kills, seed));
}

async fn run(folder: &Path, kills: u64, seed: u64) {
    let mut random = Random::new(seed);
    let address = Arc::new(Mutex::new(String::new()));
    let ending = Arc::new(AtomicBool::new(false));
    let ledger = Ledger::default();
    let mut service = Service::start(folder, &address, None);
    ticking::create(connect(&address).await, &address).await;
    let workers = [
        tokio::spawn(run_workflows(address.clone())),
        tokio::spawn(run_workflows(address.clone())),
        tokio::spawn(run_activities(address.clone())),
    ];
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(run_client(client, address.clone(), ending.clone(), ledger.clone())))
        .collect();
    let mut reached = BTreeSet::new();
    for kill in 0..kills {
        let (place, most) = POINTS[usize::try_from(kill / 2).unwrap() % POINTS.len()];
        if kill % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(100 + random.next() % 1_000)).await;
        } else if service.has_ended_within(LIFE).await {
            reached.insert(place);
        }
        service.kill();
        let fail_point = (kill % 2 == 0).then(|| format!("{place}:{}", random.next() % (most + 1)));
        service = Service::start(folder, &address, fail_point);
    }
    service.kill();
    service = Service::start(folder, &address, None);
    tokio::time::sleep(Duration::from_millis(500)).await;
    ending.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let ledger = ledger.lock().unwrap().clone();
    assert!(ledger.len() > 1, "there was no load");
    let mut client = connect(&address).await;
    for (workflow_id, (run_id, signals)) in &ledger {
        check_workflow(&mut client, workflow_id, run_id, signals).await;
    }
    ticking::check(&mut client).await;
    eprintln!("{kills} kills, {} workflows, ended at {reached:?}", ledger.len());
    assert!(kills < 2 || reached.contains("log-gathered"), "no life ended at its place");
    for worker in workers {
        worker.abort();
    }
    service.kill();
}

/// The acknowledged start and signals are there once, and the workflow ends as it should.
async fn check_workflow(client: &mut Client, workflow_id: &str, run_id: &str, signals: &BTreeSet<String>) {
    let execution = WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: run_id.to_owned() };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut events: Vec<HistoryEvent>;
    loop {
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: "default".to_owned(),
            execution: Some(execution.clone()),
            ..Default::default()
        };
        let history = client.get_workflow_execution_history(request).await.unwrap().into_inner();
        events = history.history.unwrap().events().map(Result::unwrap).collect();
        let last = events.last().unwrap().attributes.as_ref().unwrap();
        if let EventAttributes::WorkflowExecutionCompletedEventAttributes(closed) = last {
            let result = &closed.result.as_ref().unwrap().payloads[0].data;
            assert_eq!(result, &bytes::Bytes::from(SIGNALS.to_string()), "{workflow_id}");
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{workflow_id} did not end: {events:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ids: Vec<i64> = events.iter().map(|event| event.event_id).collect();
    let expected: Vec<i64> = (1..).take(ids.len()).collect();
    assert_eq!(ids, expected, "{workflow_id}");
    let got: Vec<String> = signal_names(&events);
    let unique: BTreeSet<String> = got.iter().cloned().collect();
    assert_eq!(got.len(), unique.len(), "{workflow_id}: a signal is there twice: {got:?}");
    assert!(signals.is_subset(&unique), "{workflow_id}: acknowledged {signals:?}, in the history {unique:?}");
}

fn signal_names(events: &[HistoryEvent]) -> Vec<String> {
    let names = events.iter().filter_map(|event| match &event.attributes {
        Some(EventAttributes::WorkflowExecutionSignaledEventAttributes(signal)) => {
            Some(signal.signal_name.clone())
        }
        _ => None,
    });
    names.collect()
}

/// Starts workflows and signals them, again and again until it is acknowledged.
async fn run_client(number: u64, address: Arc<Mutex<String>>, ending: Arc<AtomicBool>, ledger: Ledger) {
    let mut client = connect(&address).await;
    for round in 0_u64.. {
        if ending.load(Ordering::Relaxed) {
            return;
        }
        let workflow_id = format!("workflow-{number}-{round}");
        let started = loop {
            let request = StartWorkflowExecutionRequest {
                namespace: "default".to_owned(),
                workflow_id: workflow_id.clone(),
                request_id: workflow_id.clone(),
                workflow_type: Some(WorkflowType { name: "Counter".to_owned() }),
                task_queue: Some(queue()),
                workflow_task_timeout: Some(duration_to_proto(Duration::from_secs(1))),
                ..Default::default()
            };
            match client.start_workflow_execution(timed(request)).await {
                Ok(started) => break started.into_inner(),
                Err(status) => client = again(status, &address).await,
            }
        };
        ledger.lock().unwrap().insert(workflow_id.clone(), (started.run_id.clone(), BTreeSet::new()));
        for signal in 0..SIGNALS {
            let name = format!("signal-{signal}");
            loop {
                let request = SignalWorkflowExecutionRequest {
                    namespace: "default".to_owned(),
                    workflow_execution: Some(WorkflowExecution {
                        workflow_id: workflow_id.clone(),
                        run_id: started.run_id.clone(),
                    }),
                    signal_name: name.clone(),
                    request_id: format!("{workflow_id}-{name}"),
                    ..Default::default()
                };
                match client.signal_workflow_execution(timed(request)).await {
                    Ok(_) => break,
                    // The one before this answer was lost did it, and the workflow has ended since.
                    Err(status) if status.message().ends_with("already completed") => break,
                    Err(status) => client = again(status, &address).await,
                }
            }
            ledger.lock().unwrap().get_mut(&workflow_id).unwrap().1.insert(name);
        }
    }
}

/// A workflow that waits for its signals, runs an activity and answers how many there were.
async fn run_workflows(address: Arc<Mutex<String>>) {
    let mut client = connect(&address).await;
    loop {
        let request = PollWorkflowTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: Some(queue()),
            ..Default::default()
        };
        let task = match client.poll_workflow_task_queue(Request::new(request)).await {
            Ok(task) => task.into_inner(),
            Err(status) => {
                client = again(status, &address).await;
                continue;
            }
        };
        if task.task_token.is_empty() {
            continue;
        }
        let events: Vec<HistoryEvent> = task.history.unwrap().events().map(Result::unwrap).collect();
        let request = RespondWorkflowTaskCompletedRequest {
            namespace: "default".to_owned(),
            task_token: task.task_token,
            commands: next_command(&events).into_iter().collect(),
            ..Default::default()
        };
        if let Err(status) = client.respond_workflow_task_completed(timed(request)).await
            && status.code() != Code::NotFound
        {
            client = again(status, &address).await;
        }
    }
}

fn next_command(events: &[HistoryEvent]) -> Option<WorkflowCommand> {
    let has = |found: fn(&EventAttributes) -> bool| {
        events.iter().any(|event| event.attributes.as_ref().is_some_and(found))
    };
    let attributes = if has(|a| matches!(a, EventAttributes::ActivityTaskCompletedEventAttributes(_))) {
        let count = signal_names(events).len().to_string();
        let result = Payloads { payloads: vec![Payload { data: count.into(), ..Payload::default() }] };
        Attributes::CompleteWorkflowExecutionCommandAttributes(Box::new(
            CompleteWorkflowExecutionCommandAttributes { result: Some(result) },
        ))
    } else if signal_names(events).len() == SIGNALS
        && !has(|a| matches!(a, EventAttributes::ActivityTaskScheduledEventAttributes(_)))
    {
        Attributes::ScheduleActivityTaskCommandAttributes(Box::new(ScheduleActivityTaskCommandAttributes {
            activity_id: "1".to_owned(),
            activity_type: Some(ActivityType { name: "count".to_owned() }),
            start_to_close_timeout: Some(duration_to_proto(Duration::from_secs(2))),
            ..Default::default()
        }))
    } else {
        return None;
    };
    Some(WorkflowCommand { attributes: Some(attributes), ..WorkflowCommand::default() })
}

async fn run_activities(address: Arc<Mutex<String>>) {
    let mut client = connect(&address).await;
    loop {
        let request = PollActivityTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: Some(queue()),
            ..Default::default()
        };
        let task = match client.poll_activity_task_queue(Request::new(request)).await {
            Ok(task) => task.into_inner(),
            Err(status) => {
                client = again(status, &address).await;
                continue;
            }
        };
        if task.task_token.is_empty() {
            continue;
        }
        let request = RespondActivityTaskCompletedRequest {
            namespace: "default".to_owned(),
            task_token: task.task_token,
            ..Default::default()
        };
        if let Err(status) = client.respond_activity_task_completed(timed(request)).await
            && status.code() != Code::NotFound
        {
            client = again(status, &address).await;
        }
    }
}

fn queue() -> TaskQueue {
    TaskQueue { name: QUEUE.to_owned(), ..TaskQueue::default() }
}

pub(crate) fn timed<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    request
}

/// A call failed because the service is gone: the next connection.
pub(crate) async fn again(status: Status, address: &Mutex<String>) -> Client {
    let passes = [Code::Unavailable, Code::Cancelled, Code::DeadlineExceeded, Code::Unknown, Code::Internal];
    assert!(passes.contains(&status.code()), "{status:?}");
    connect(address).await
}

fn clock_seed() -> u64 {
    u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos())
}
