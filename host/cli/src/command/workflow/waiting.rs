//! What an open run waits for, said on stderr while a command waits for the run.

mod reasons;

use std::{convert::Infallible, future::Future, time::Duration};

use clap::Args;
use guest_sdk_types::{Failure, UntypedWorkflow};
use host_client::{Client, Error, RpcError, WorkflowHandle};
use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::WorkflowExecution,
        enums::v1::WorkflowExecutionStatus,
        workflowservice::v1::{DescribeWorkflowExecutionResponse, GetWorkflowExecutionHistoryReverseRequest},
    },
};
use reasons::{Known, Reason, Timer, open_timers, queues, reasons};
use tokio::time::sleep;
use tonic::Request;

use crate::{
    command::task_queue,
    output::{Output, failure},
    settings::duration,
};

/// From the start of a command to its first look at the run: most runs end sooner.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// The longest time between two looks; it doubles from the first one on.
const LONGEST_PAUSE: Duration = Duration::from_secs(16);
/// A history with more events is not read for its open timers.
const MAX_EVENTS: i64 = 10_000;
/// Events at the end of a history among which the last failed workflow task is looked for.
const LAST_EVENTS: i32 = 20;

/// How a command waits for a run.
#[derive(Args, Clone, Debug)]
pub(super) struct WaitArgs {
    /// How long the service may be away before the command gives up.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse)]
    outage_limit: Duration,
}

impl WaitArgs {
    /// The client, as patient as it is to be.
    pub(super) fn patient(&self, client: Client) -> Client {
        client.with_outage_limit(self.outage_limit)
    }
}

/// Waits for `outcome`, and says meanwhile what the run waits for: each reason once, on stderr, with text as output.
pub(super) async fn explained<T>(
    handle: &WorkflowHandle<UntypedWorkflow>,
    output: Output,
    outcome: impl Future<Output = T>,
) -> T {
    tokio::select! {
        outcome = outcome => outcome,
        never = explain(handle, output), if output.is_text() => match never {},
    }
}

async fn explain(handle: &WorkflowHandle<UntypedWorkflow>, output: Output) -> Infallible {
    let mut pause = FIRST_LOOK;
    let mut said = Vec::new();
    let mut timers = OpenTimers::default();
    loop {
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        // The wait itself meets the same service, and says why it gives up.
        let found = look(handle, &mut timers).await.unwrap_or_else(|error| vec![Reason::service(&error)]);
        for reason in found.iter().filter(|reason| !said.contains(*reason)) {
            output.notes(format!("Waits for {reason}"));
        }
        said = found;
    }
}

/// What the run waits for; nothing if it is closed.
async fn look(
    handle: &WorkflowHandle<UntypedWorkflow>,
    timers: &mut OpenTimers,
) -> anyhow::Result<Vec<Reason>> {
    let client = handle.client();
    let description = handle.describe().await?;
    let info = description.workflow_execution_info.clone().unwrap_or_default();
    if info.status() != WorkflowExecutionStatus::Running {
        return Ok(Vec::new());
    }
    let mut known = Known::default();
    for (kind, name) in queues(&description) {
        let queue = task_queue::describe(client, &name, kind, false).await;
        if queue.is_ok_and(|queue| queue.pollers.is_empty()) {
            known.unpolled.push((kind, name));
        }
    }
    known.task_failure = task_failure(client, &description).await?;
    if description.pending_workflow_task.is_none() && info.history_length <= MAX_EVENTS {
        known.timers = timers.of(client, info.execution.unwrap_or_default(), info.history_length).await?;
    }
    known.description = description;
    Ok(reasons(&known))
}

/// The open timers of a history, which is read once for each length.
#[derive(Default)]
struct OpenTimers {
    run_id: String,
    history_length: i64,
    timers: Vec<Timer>,
}

impl OpenTimers {
    async fn of(
        &mut self,
        client: &Client,
        execution: WorkflowExecution,
        history_length: i64,
    ) -> Result<Vec<Timer>, Error> {
        let WorkflowExecution { workflow_id, run_id } = execution;
        if (&self.run_id, self.history_length) != (&run_id, history_length) {
            let run = client.workflow_handle::<UntypedWorkflow>(workflow_id, Some(run_id.clone()));
            *self = Self { timers: open_timers(run.history()).await?, run_id, history_length };
        }
        Ok(self.timers.clone())
    }
}

/// How the workflow task of a run fails that is not tried for the first time, in lines.
///
/// # Errors
///
/// When the service refuses, or cannot be reached.
pub(super) async fn task_failure(
    client: &Client,
    description: &DescribeWorkflowExecutionResponse,
) -> anyhow::Result<Option<String>> {
    if description.pending_workflow_task.as_ref().is_none_or(|task| task.attempt <= 1) {
        return Ok(None);
    }
    let execution: Option<WorkflowExecution> =
        description.workflow_execution_info.as_ref().and_then(|info| info.execution.clone());
    let request = GetWorkflowExecutionHistoryReverseRequest {
        namespace: client.namespace().to_owned(),
        execution,
        maximum_page_size: LAST_EVENTS,
        ..GetWorkflowExecutionHistoryReverseRequest::default()
    };
    let response = client.service().get_workflow_execution_history_reverse(Request::new(request)).await;
    let history = response.map_err(RpcError::from)?.into_inner().history.unwrap_or_default();
    for event in history.events() {
        match event?.attributes {
            Some(EventAttributes::WorkflowTaskFailedEventAttributes(failed)) => {
                return Ok(failed.failure.map(|failed| failure::chain(&Failure::from(failed))));
            }
            Some(EventAttributes::WorkflowTaskTimedOutEventAttributes(_)) => {
                return Ok(Some("  it timed out: the worker did not answer in time".to_owned()));
            }
            _ => {}
        }
    }
    Ok(None)
}
