//! A schedule, on a service whose time is skipped.

use std::time::Duration;

use host_client::{ListOptions, NamedWorkflow, ScheduleOptions};
use host_wire::temporal::api::schedule::v1::{IntervalSpec, Schedule, ScheduleSpec};
use schedules::{Report, SalesReport};
use workflow_test::TestEnvironment;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_schedule_starts_a_report_every_hour() -> anyhow::Result<()> {
    let environment = TestEnvironment::new().await?;
    let client = environment.client();
    let every_hour = IntervalSpec { interval: Some(host_wire::duration_to_proto(HOUR)), phase: None };
    let schedule = Schedule {
        spec: Some(ScheduleSpec { interval: vec![every_hour], ..ScheduleSpec::default() }),
        action: Some(client.schedule_action(&SalesReport::run, "tea".to_owned(), environment.options())?),
        ..Schedule::default()
    };
    let handle = client.create_schedule("sales", schedule, ScheduleOptions::default()).await?;
    environment.sleep(3 * HOUR).await;
    handle.delete().await?;

    let mut reports = Vec::new();
    for execution in client.list_workflows(ListOptions::default()).await? {
        let id = execution.execution.unwrap_or_default().workflow_id;
        let workflow = client.workflow_handle::<NamedWorkflow<(String,), Report>>(id, None);
        reports.push(environment.result(&workflow).await?);
    }
    reports.sort_by_key(|report| report.number);
    let numbers: Vec<u32> = reports.iter().map(|report| report.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    for report in &reports {
        let scheduled_for = report.scheduled_for.as_deref().unwrap_or_default();
        assert!(scheduled_for.ends_with(":00:00Z"), "{report:?}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_schedule_it_is_the_first() -> anyhow::Result<()> {
    let environment = TestEnvironment::new().await?;
    let report = environment.execute_workflow(SalesReport::run, "tea".to_owned()).await?;
    assert_eq!((report.number, report.scheduled_for), (1, None));
    Ok(())
}
