//! How much longer workflow tasks take while a module is swapped: pairs of the same arrivals before and during a swap, whose
//! gate replays open runs. Workflows arrive at a fixed rate, whether those before have ended or not.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use host_wire::{
    EventAttributes,
    temporal::api::{enums::v1::EventType, history::v1::HistoryEvent},
};
use host_worker::{
    gate::RunSelection,
    modules::{audit::AuditAction, policy::SwapPolicy},
    swap::{SwapOutcome, SwapRequest},
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use super::{
    Bench, PAIRS, SCRIPT, TASK_QUEUE, from_environment, percentile,
    support::{
        self,
        embedded::{closing_event, events, start, text, wait_for_event},
    },
};

/// Workflows that arrive in a second, of three workflow tasks each, unless `HOST_BENCH_RATE` says otherwise.
const RATE: usize = 100;
/// How long they arrive before each swap.
const BEFORE: Duration = Duration::from_secs(10);
/// How long they arrive after the new module has taken the new runs.
const AFTER: Duration = Duration::from_secs(1);
/// Open runs that the gate of each swap replays, unless `HOST_BENCH_OPEN` says otherwise.
const OPEN: usize = 10_000;
/// Open runs that are made at once.
const STARTS: usize = 100;
/// Version of the first candidate; each pair has the next one.
const FIRST_VERSION: u8 = 100;

impl Bench {
    /// Prints each pair, and the median of how many times as long the slowest hundredth of tasks took.
    pub(super) async fn latencies(&self) {
        let open = from_environment("HOST_BENCH_OPEN", OPEN);
        self.make_open_runs(open).await;
        let rate = from_environment("HOST_BENCH_RATE", RATE);
        drop(self.arrivals("warm", rate, sleep(AFTER)).await);
        let mut ratios = Vec::new();
        for (pair, version) in (0..from_environment("HOST_BENCH_PAIRS", PAIRS)).zip(FIRST_VERSION..) {
            let (_, mut before) = self.arrivals(&format!("before-{pair}"), rate, sleep(BEFORE)).await;
            let swap = async {
                let begin = Instant::now();
                let outcome = self.swap(version).await;
                let took = begin.elapsed();
                sleep(AFTER).await;
                (outcome, took)
            };
            let ((outcome, took), mut during) = self.arrivals(&format!("during-{pair}"), rate, swap).await;
            assert!(outcome.swapped, "{outcome:?}");
            let (slow_before, slow_during) = (percentile(&mut before, 0.99), percentile(&mut during, 0.99));
            let ratio = slow_during / slow_before;
            println!(
                "{rate} workflows/s, swap in {:.1} s over {}: p99 of {} tasks before {slow_before:.1} ms, of {} tasks \
                 during it {slow_during:.1} ms: {ratio:.2} times",
                took.as_secs_f64(),
                outcome.report.runs,
                before.len(),
                during.len(),
            );
            ratios.push(ratio);
        }
        ratios.sort_by(f64::total_cmp);
        println!(
            "p99 of a workflow task during a swap is {:.2} times that before (median of {}; the goal is at most 2)",
            ratios[ratios.len() / 2],
            ratios.len()
        );
    }

    /// Runs that wait for a signal.
    async fn make_open_runs(&self, runs: usize) {
        stream::iter(0..runs)
            .for_each_concurrent(STARTS, |number| async move {
                let (service, id) = (&*self.embedded.service, format!("open-{number}"));
                start(service, TASK_QUEUE, "Script", &id, text("wait\ncomplete done")).await;
                wait_for_event(service, &id, EventType::WorkflowTaskCompleted).await;
            })
            .await;
    }

    /// Has workflows arrive while something is done: what that gives, and how long each workflow task of theirs took from its
    /// schedule to its completion, by the clock of the service.
    async fn arrivals<T>(
        &self,
        prefix: &str,
        rate: usize,
        work: impl Future<Output = T>,
    ) -> (T, Vec<Duration>) {
        let mut work = std::pin::pin!(work);
        let mut arrivals = interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
        arrivals.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut workflows = JoinSet::new();
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                _ = arrivals.tick() => {
                    let id = format!("{prefix}-{}", workflows.len());
                    let service = Arc::clone(&self.embedded.service);
                    workflows.spawn(async move {
                        start(&*service, TASK_QUEUE, "Script", &id, text(SCRIPT)).await;
                        closing_event(&*service, &id).await;
                        task_latencies(&events(&*service, &id).await)
                    });
                }
            }
        };
        (done, workflows.join_all().await.concat())
    }

    async fn swap(&self, version: u8) -> SwapOutcome {
        let path = self.path("candidate.wasm");
        std::fs::write(&path, support::version(&self.script, version)).unwrap();
        let catalog = Arc::clone(self.swapper.catalog());
        let candidate = tokio::task::spawn_blocking(move || catalog.candidate(&path).unwrap());
        let request = SwapRequest {
            candidate: candidate.await.unwrap(),
            policy: SwapPolicy::Upgrade,
            selection: RunSelection::default(),
            who: "bench".to_owned(),
            action: AuditAction::Swapped,
            note: String::new(),
        };
        self.swapper.swap(request, |_| {}).await.unwrap()
    }
}

fn task_latencies(events: &[HistoryEvent]) -> Vec<Duration> {
    let time = |event: &HistoryEvent| {
        let time = event.event_time.unwrap_or_default();
        Duration::new(u64::try_from(time.seconds).unwrap(), u32::try_from(time.nanos).unwrap())
    };
    let mut latencies = Vec::new();
    for event in events {
        if let Some(EventAttributes::WorkflowTaskCompletedEventAttributes(completed)) = &event.attributes {
            let scheduled = events.iter().find(|event| event.event_id == completed.scheduled_event_id);
            latencies.push(time(event) - time(scheduled.unwrap()));
        }
    }
    latencies
}
