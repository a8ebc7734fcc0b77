//! The way from clients and workers to the service: calls take time, get lost, and fail while the
//! service is down.

use std::{
    panic::resume_unwind,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tonic::{Response, Status};

use super::{
    Fault, START,
    disk::{Disk, SimulatedStorage},
    random::Random,
};
use crate::{
    Options,
    api::service::Service,
    environment::{Blocking, Clock, Environment, Ids},
    shard::deadlines::run_deadlines,
    time::Time,
    watched::Watched,
};

/// A life of the service.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) service: Service,
    storage: SimulatedStorage,
    deadlines: JoinHandle<()>,
    pub(super) crashed: Arc<Watched<bool>>,
}

/// Where the service is, if it is up.
#[derive(Debug)]
pub(super) struct Network {
    disk: Disk,
    fault: Option<Fault>,
    life: Mutex<Option<Arc<Life>>>,
    /// When the simulation began.
    origin: Instant,
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
        assert!(!self.deadlines.is_finished(), "the task of the deadlines ended");
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
            assert_eq!(self.storage.read_again(number).as_ref(), Some(run));
        }
    }
}

impl Network {
    pub(super) fn new(disk: Disk, fault: Option<Fault>) -> Self {
        Self { disk, fault, life: Mutex::new(None), origin: Instant::now() }
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
            clock: clock(self.origin, self.fault),
            ids: Ids::new(ids),
            blocking: Blocking::Here(Box::new(pause)),
        };
        let service = Service::new(opened, Options::default(), environment);
        let deadlines = tokio::spawn(run_deadlines(Arc::downgrade(service.shard())));
        let life = Arc::new(Life { service, storage, deadlines, crashed });
        *self.life.lock().unwrap() = Some(life.clone());
        life
    }

    /// Ends the service, as `kill -9` does; answers whether it was well until then.
    pub(super) fn crash(&self, random: &mut Random) -> bool {
        let life = self.life.lock().unwrap().take();
        if let Some(life) = life {
            let is_well = !life.deadlines.is_finished();
            life.storage.crash(random);
            life.deadlines.abort();
            return is_well;
        }
        true
    }

    /// The life of the service, while it is up.
    pub(super) fn life(&self) -> Option<Arc<Life>> {
        self.life.lock().unwrap().clone().filter(|life| !life.crashed.get())
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
        // Boxed: its future is dropped here in the middle, as when a connection breaks.
        let answer = Box::pin(call(service));
        let answer = tokio::select! {
            biased;
            _ = life.crashed.wait_for(|crashed| crashed) => return gone(),
            answer = answer => answer,
            () = sleep(patience) => return gone(),
        };
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

/// tokio's clock, which is paused: it moves on when every task waits.
fn clock(origin: Instant, fault: Option<Fault>) -> Clock {
    let calls = AtomicU64::new(0);
    Clock::new(move || {
        let runs_ahead =
            fault == Some(Fault::ClockRunsAhead) && calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(50);
        let ahead = Duration::from_secs(if runs_ahead { 3 } else { 0 });
        Time(START).after(origin.elapsed() + ahead)
    })
}
