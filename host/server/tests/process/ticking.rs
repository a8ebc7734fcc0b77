//! A schedule that acts every second while the service is killed and started again: each second has its action, once.

use std::{sync::Mutex, time::Duration};

use host_wire::{
    duration_to_proto,
    temporal::api::{
        common::v1::WorkflowType,
        enums::v1::ScheduleOverlapPolicy,
        schedule::v1::{
            IntervalSpec, Schedule, ScheduleAction, SchedulePolicies, ScheduleSpec, schedule_action::Action,
        },
        taskqueue::v1::TaskQueue,
        workflow::v1::NewWorkflowExecutionInfo,
        workflowservice::v1::*,
    },
};
use prost_types::Timestamp;

use crate::{
    child::Client,
    kill::{again, timed},
};

const ID: &str = "ticking";
/// The queue of its workflows, which has no workers.
const QUEUE: &str = "ticks";

/// Creates the schedule, again and again until it is acknowledged.
pub(crate) async fn create(mut client: Client, address: &Mutex<String>) {
    let workflow = NewWorkflowExecutionInfo {
        workflow_id: "tick".to_owned(),
        workflow_type: Some(WorkflowType { name: "Tick".to_owned() }),
        task_queue: Some(TaskQueue { name: QUEUE.to_owned(), ..TaskQueue::default() }),
        ..NewWorkflowExecutionInfo::default()
    };
    let interval = Some(duration_to_proto(Duration::from_secs(1)));
    let policies = SchedulePolicies {
        overlap_policy: ScheduleOverlapPolicy::AllowAll.into(),
        ..SchedulePolicies::default()
    };
    loop {
        let request = CreateScheduleRequest {
            namespace: "default".to_owned(),
            schedule_id: ID.to_owned(),
            request_id: ID.to_owned(),
            schedule: Some(Schedule {
                spec: Some(ScheduleSpec {
                    interval: vec![IntervalSpec { interval, phase: None }],
                    ..ScheduleSpec::default()
                }),
                action: Some(ScheduleAction { action: Some(Action::StartWorkflow(workflow.clone())) }),
                policies: Some(policies),
                state: None,
            }),
            ..CreateScheduleRequest::default()
        };
        match client.create_schedule(timed(request)).await {
            Ok(_) => return,
            Err(status) => client = again(status, address).await,
        }
    }
}

/// Checks the actions that were taken so far.
pub(crate) async fn check(client: &mut Client) {
    let request = DeleteScheduleRequest { namespace: "default".to_owned(), ..Default::default() };
    let describe = DescribeScheduleRequest { namespace: "default".to_owned(), schedule_id: ID.to_owned() };
    let info = client.describe_schedule(timed(describe)).await.unwrap().into_inner().info.unwrap();
    // No more of them while they are counted.
    client
        .delete_schedule(timed(DeleteScheduleRequest { schedule_id: ID.to_owned(), ..request }))
        .await
        .unwrap();
    let request = ListWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        query: format!("TaskQueue = '{QUEUE}'"),
        ..Default::default()
    };
    let listed = client.list_workflow_executions(timed(request)).await.unwrap().into_inner().executions;
    let time = |id: &str| id.strip_prefix("tick-").unwrap().parse::<Timestamp>().unwrap().seconds;
    let mut times: Vec<i64> =
        listed.iter().map(|it| time(&it.execution.as_ref().unwrap().workflow_id)).collect();
    times.sort_unstable();
    let first = info.create_time.unwrap().seconds + 1;
    let expected: Vec<i64> = (first..).take(times.len()).collect();
    assert_eq!(times, expected, "each second once, from the one after its creation on");
    let counted = usize::try_from(info.action_count).unwrap();
    assert!(counted <= times.len() && times.len() <= counted + 5, "{counted} actions of {}", times.len());
    assert_eq!((info.missed_catchup_window, info.buffer_dropped, info.overlap_skipped), (0, 0, 0));
}
