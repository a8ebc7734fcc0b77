//! The way from clients and workers to the service: calls take time, get lost, and fail while the
//! service is down.

use std::{
    panic::resume_unwind,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use fuzz::Random;
use host_service::WorkflowService;
use host_wire::temporal::api::{
    common::v1::WorkflowExecution,
    workflowservice::v1::{DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse},
};
use tokio::time::{Instant, sleep};
use tonic::{Request, Response, Status};

use super::{
    NAMESPACE, START,
    abandoned::Abandoned,
    disk::{Disk, SimulatedStorage},
    plan::Fault,
};
use crate::{
    Options,
    api::open::Service,
    background::Background,
    environment::{Blocking, Clock, Environment, Ids},
    time::Time,
    watched::Watched,
};

/// The last wait of a call at which its caller goes away.
const MOST_WAITS: u64 = 5;

/// A life of the service.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) service: Service,
    storage: SimulatedStorage,
    background: Background,
    pub(super) crashed: Arc<Watched<bool>>,
    /// Whether no transition panics, and the disk lets it live.
    pub(super) is_sound: bool,
    /// Set once the service was told to end: no further call reaches it.
    hung_up: AtomicBool,
    open_calls: AtomicUsize,
}

/// Where the service is, if it is up.
#[derive(Debug)]
pub(super) struct Network {
    disk: Disk,
    fault: Option<Fault>,
    life: Mutex<Option<Arc<Life>>>,
    /// When the simulation began.
    origin: Instant,
    /// Nanoseconds by which the machine's clock is behind the time of the simulation.
    set_back: Arc<AtomicI64>,
}

/// How a caller and its calls are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Whether the caller is in the process of the service: nothing gets lost, and it ends with it.
    pub(super) in_process: bool,
    /// Whether calls and answers get lost.
    pub(super) is_bad: bool,
}

impl Life {
    /// The timers go on, and the disk has every run as memory has it, in a form that can be read again.
    pub(super) async fn check(&self) {
        assert_eq!(self.background.ended(), None, "a task of the background ended");
        self.finish().await.unwrap();
    }

    /// Waits until all that happened is on disk, and says how a run there differs from that in memory.
    pub(super) async fn finish(&self) -> Result<(), String> {
        let context = self.service.shard();
        loop {
            let last = context.lock().position();
            while let Err(status) = context.on_disk(last).await {
                // The disk is full for a while.
                assert_eq!(status.code(), tonic::Code::ResourceExhausted);
                sleep(Duration::from_secs(1)).await;
            }
            if context.lock().position() == last {
                break;
            }
        }
        let shard = context.lock();
        for (number, run) in shard.executions.iter() {
            let stored = self.storage.read_again(number);
            if stored.as_ref() != Some(run) {
                return Err(format!("run {number} is {run:?} in memory, and {stored:?} on disk"));
            }
        }
        Ok(())
    }

    /// Lets no further call reach the service.
    pub(super) fn hang_up(&self) {
        self.hung_up.store(true, Ordering::Relaxed);
    }

    /// How many calls the service has not answered.
    pub(super) fn open_calls(&self) -> usize {
        self.open_calls.load(Ordering::Relaxed)
    }

    /// Describes a run, past the network.
    pub(super) async fn describe(
        &self,
        execution: Option<WorkflowExecution>,
    ) -> Result<DescribeWorkflowExecutionResponse, Status> {
        let request = DescribeWorkflowExecutionRequest { namespace: NAMESPACE.to_owned(), execution };
        let described = self.service.in_process().describe_workflow_execution(Request::new(request)).await?;
        Ok(described.into_inner())
    }
}

/// A call that the service has not answered.
struct OpenCall<'a>(&'a Life);

impl<'a> OpenCall<'a> {
    fn of(life: &'a Life) -> Self {
        life.open_calls.fetch_add(1, Ordering::Relaxed);
        Self(life)
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.0.open_calls.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Network {
    pub(super) fn new(disk: Disk, fault: Option<Fault>) -> Self {
        Self { disk, fault, life: Mutex::new(None), origin: Instant::now(), set_back: Arc::default() }
    }

    /// Time since the simulation began.
    pub(super) fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Starts the service; after some steps of the disk it ends by itself. With `panics`, some transitions panic.
    pub(super) fn start(&self, steps: Option<u64>, panics: bool, random: &Random) -> Arc<Life> {
        let (opened, storage) = self.disk.open(self.fault, steps, random.fork(3));
        let crashed = storage.crashed();
        let mut ids = random.fork(4);
        let ids = move || {
            if panics && ids.percent(2) {
                // As a bug in a transition, without a message on stderr.
                resume_unwind(Box::new("a simulated bug"));
            }
            uuid::Builder::from_random_bytes(ids_bytes(&mut ids)).into_uuid()
        };
        let pauses = Mutex::new(random.fork(5));
        let pause = move || match pauses.lock().unwrap().below(100) {
            0..50 => Duration::ZERO,
            50..95 => Duration::from_micros(500),
            _ => Duration::from_millis(200),
        };
        let environment = Environment {
            clock: self.clock(),
            ids: Ids::new(ids),
            blocking: Blocking::Here(Box::new(pause)),
            time_skipping: None,
        };
        let service = Service::new(opened, Options::default(), environment);
        let background = Background::start(service.shard());
        let life = Arc::new(Life {
            service,
            storage,
            background,
            crashed,
            is_sound: !panics && steps.is_none(),
            hung_up: AtomicBool::new(false),
            open_calls: AtomicUsize::new(0),
        });
        *self.life.lock().unwrap() = Some(life.clone());
        life
    }

    /// Ends the service, as `kill -9` does; answers whether it was well until then.
    pub(super) fn crash(&self, random: &mut Random) -> bool {
        let life = self.life.lock().unwrap().take();
        if let Some(life) = life {
            let is_well = life.hung_up.load(Ordering::Relaxed) || life.background.ended().is_none();
            life.storage.crash(random);
            life.background.abort();
            return is_well;
        }
        true
    }

    /// The life of the service, while it is up.
    pub(super) fn life(&self) -> Option<Arc<Life>> {
        let life = self.life.lock().unwrap().clone();
        life.filter(|life| !life.crashed.get() && !life.hung_up.load(Ordering::Relaxed))
    }

    /// Sets the machine's clock, to what it showed so long ago.
    pub(super) fn set_clock_back(&self, by: Duration) {
        self.set_back.fetch_add(i64::try_from(by.as_nanos()).unwrap(), Ordering::Relaxed);
    }

    /// The service's clock over that of the machine. It follows tokio's clock, which is paused: it moves on when every
    /// task waits.
    fn clock(&self) -> Clock {
        let (origin, fault, set_back) = (self.origin, self.fault, self.set_back.clone());
        let calls = AtomicU64::new(0);
        let machine = move || {
            let runs_ahead = fault == Some(Fault::ClockRunsAhead)
                && calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(50);
            let ahead = Duration::from_secs(if runs_ahead { 3 } else { 0 });
            let time = Time(START).after(origin.elapsed() + ahead);
            Time(time.0 - set_back.load(Ordering::Relaxed))
        };
        if fault == Some(Fault::ClockGoesBack) {
            return Clock::new(machine);
        }
        Clock::steady(machine, move || origin.elapsed())
    }

    /// Makes a call. An error of the network is UNAVAILABLE; what was asked for may have happened.
    pub(super) async fn call<R, F: Future<Output = Result<Response<R>, Status>> + Send>(
        &self,
        line: Line,
        random: &mut Random,
        call: impl FnOnce(Service) -> F,
    ) -> Result<R, Status> {
        let gone = || Err(Status::unavailable("the service is gone"));
        if !line.in_process {
            latency(random).await;
        }
        let Some(life) = self.life() else {
            // Connecting again takes a while.
            sleep(Duration::from_millis(20)).await;
            return gone();
        };
        let service = if line.in_process { life.service.in_process() } else { life.service.clone() };
        let lossy = line.is_bad && !line.in_process;
        let patience = if lossy && random.percent(3) {
            Duration::from_micros(random.below(50_000))
        } else {
            Duration::from_secs(3_600)
        };
        // Its future is dropped in the middle, as when a connection breaks.
        let waits = if lossy && random.percent(5) { 1 + random.below(MOST_WAITS) } else { u64::MAX };
        let open = OpenCall::of(&life);
        let answer = Abandoned::new(Box::pin(call(service)), waits);
        let answer = tokio::select! {
            biased;
            _ = life.crashed.wait_for(|crashed| crashed) => return gone(),
            answer = answer => answer,
            () = sleep(patience) => return gone(),
        };
        drop(open);
        let Some(answer) = answer else { return gone() };
        if !line.in_process {
            latency(random).await;
        }
        if lossy && random.percent(2) || life.crashed.get() && line.in_process {
            return gone();
        }
        answer.map(Response::into_inner)
    }
}

async fn latency(random: &mut Random) {
    match random.below(20) {
        0..6 => {}
        6..19 => sleep(Duration::from_micros(random.below(2_000))).await,
        _ => sleep(Duration::from_millis(random.below(300))).await,
    }
}

fn ids_bytes(random: &mut Random) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random.next().to_le_bytes());
    bytes[8..].copy_from_slice(&random.next().to_le_bytes());
    bytes
}
