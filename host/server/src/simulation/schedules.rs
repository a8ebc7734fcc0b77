//! Schedules: clients create some, and in the end each has taken exactly the actions that its times ask for.

use std::{collections::BTreeSet, time::Duration};

use host_service::WorkflowService;
use host_wire::{
    duration_to_proto,
    temporal::api::{
        common::v1::WorkflowType,
        enums::v1::ScheduleOverlapPolicy as Overlap,
        schedule::v1::{
            IntervalSpec, Schedule, ScheduleAction, SchedulePolicies, ScheduleSpec, schedule_action::Action,
        },
        taskqueue::v1::TaskQueue,
        workflow::v1::NewWorkflowExecutionInfo,
        workflowservice::v1::*,
    },
};
use prost_types::Timestamp;
use tokio::time::sleep;
use tonic::Status;

use super::{NAMESPACE, QUEUE, Simulation, client::Client, finish};
use crate::time::Time;

/// Longest time until the times of all schedules have passed: the clock may have been set back, in several lives.
const PASSED_WITHIN: Duration = Duration::from_secs(600);
const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// Schedules that one client creates at most.
const SCHEDULES: u64 = 2;
/// Actions that wait are started one after the other, each once the one before was closed.
const ROUNDS: usize = 20;

impl Client {
    /// Creates a schedule that takes a few actions in the next seconds.
    pub(super) async fn create_schedule(&mut self) {
        if self.schedules == SCHEDULES {
            return;
        }
        self.schedules += 1;
        let id = self.new_name("schedule");
        let seconds = 1 + self.random.below(5);
        let end = self.simulation.now().after(Duration::from_secs(2 + seconds * self.random.below(5)));
        let policy =
            *self.random.pick(&[Overlap::AllowAll, Overlap::BufferAll, Overlap::BufferOne, Overlap::Skip]);
        let workflow = NewWorkflowExecutionInfo {
            workflow_id: id.clone(),
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            task_queue: Some(TaskQueue { name: QUEUE.to_owned(), ..TaskQueue::default() }),
            ..NewWorkflowExecutionInfo::default()
        };
        let interval = Some(duration_to_proto(Duration::from_secs(seconds)));
        let request = CreateScheduleRequest {
            namespace: NAMESPACE.to_owned(),
            schedule_id: id.clone(),
            request_id: id.clone(),
            schedule: Some(Schedule {
                spec: Some(ScheduleSpec {
                    interval: vec![IntervalSpec { interval, phase: None }],
                    end_time: Some(end.into()),
                    ..ScheduleSpec::default()
                }),
                action: Some(ScheduleAction { action: Some(Action::StartWorkflow(workflow)) }),
                policies: Some(SchedulePolicies {
                    overlap_policy: policy.into(),
                    ..SchedulePolicies::default()
                }),
                state: None,
            }),
            ..CreateScheduleRequest::default()
        };
        let answer =
            self.retried(request, async |service, request| service.create_schedule(request).await).await;
        if answer.is_ok() {
            self.simulation.model().schedules.insert(id.clone());
        }
        self.say(format_args!("create {id} {policy:?}"), answer.map(|_| ()));
    }

    async fn schedules(&mut self) -> Result<BTreeSet<String>, Status> {
        let request = ListSchedulesRequest { namespace: NAMESPACE.to_owned(), ..Default::default() };
        let answer = self.retried(request, async |service, request| service.list_schedules(request).await);
        Ok(answer.await?.schedules.into_iter().map(|schedule| schedule.schedule_id).collect())
    }

    async fn describe_schedule(&mut self, id: &str) -> Result<DescribeScheduleResponse, Status> {
        let request = DescribeScheduleRequest { namespace: NAMESPACE.to_owned(), schedule_id: id.to_owned() };
        self.retried(request, async |service, request| service.describe_schedule(request).await).await
    }
}

/// Waits until the times of all schedules have passed. All that were acknowledged are there.
pub(super) async fn let_pass(simulation: &Simulation, client: &mut Client) {
    let schedules = client.schedules().await.unwrap();
    let lost: Vec<String> = simulation.model().schedules.difference(&schedules).cloned().collect();
    simulation.check(lost.is_empty(), &format!("schedules are lost: {lost:?}"));
    let since = simulation.network.elapsed();
    for id in schedules {
        while !client
            .describe_schedule(&id)
            .await
            .unwrap()
            .info
            .unwrap_or_default()
            .future_action_times
            .is_empty()
        {
            sleep(Duration::from_secs(1)).await;
            if simulation.network.elapsed() - since > PASSED_WITHIN || simulation.has_failed() {
                return simulation.model().fail(format!("{id} has times that do not pass"));
            }
        }
    }
}

/// Each time of each schedule brought its action, or was skipped by its policy. Closes runs that it starts late.
pub(super) async fn check(simulation: &Simulation, client: &mut Client) {
    for id in client.schedules().await.unwrap() {
        for _ in 0..ROUNDS {
            let info = client.describe_schedule(&id).await.unwrap().info.unwrap_or_default();
            if info.buffer_size == 0 && info.running_workflows.is_empty() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
            finish(simulation, client).await;
        }
        let described = client.describe_schedule(&id).await.unwrap();
        if let Err(what) = check_actions(simulation, &id, described) {
            simulation.model().fail(format!("{id}: {what}"));
        }
    }
}

fn check_actions(
    simulation: &Simulation,
    id: &str,
    described: DescribeScheduleResponse,
) -> Result<(), String> {
    let info = described.info.unwrap_or_default();
    let schedule = described.schedule.unwrap_or_default();
    let spec = schedule.spec.unwrap_or_default();
    let policy = schedule.policies.unwrap_or_default().overlap_policy();
    let interval = spec.interval[0].interval.unwrap_or_default().seconds;
    let nanos = |time: Option<Timestamp>| time.map(Time::from).unwrap_or_default().0;
    let (created, end) = (nanos(info.create_time), nanos(spec.end_time));
    let first = created / NANOS_PER_SECOND / interval + 1;
    let times = (first..).map(|number| number * interval).take_while(|time| time * NANOS_PER_SECOND <= end);
    let expected: BTreeSet<String> =
        times.map(|seconds| format!("{id}-{}", Timestamp { seconds, nanos: 0 })).collect();
    let prefix = format!("{id}-");
    let model = simulation.model();
    let started: BTreeSet<String> = model
        .runs
        .values()
        .filter(|run| run.workflow_id.starts_with(&prefix))
        .map(|run| run.workflow_id.clone())
        .collect();
    if info.buffer_size != 0 || !info.running_workflows.is_empty() {
        return Err(format!("{} actions wait for {:?}", info.buffer_size, info.running_workflows));
    }
    let count = |count: i64| usize::try_from(count).unwrap();
    if count(info.action_count) != started.len() {
        return Err(format!("{} actions, and these were started: {started:?}", info.action_count));
    }
    let is_complete = matches!(policy, Overlap::AllowAll | Overlap::BufferAll);
    if is_complete && started != expected || !started.is_subset(&expected) {
        return Err(format!("started {started:?} of {expected:?}"));
    }
    if count(info.action_count + info.overlap_skipped) != expected.len() {
        return Err(format!(
            "{} actions and {} skipped of {expected:?}",
            info.action_count, info.overlap_skipped
        ));
    }
    Ok(())
}
