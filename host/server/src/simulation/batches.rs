//! Batch operations: clients start and stop some. Each ends, has no run twice, and does nothing once it was stopped.

use std::{collections::BTreeMap, time::Duration};

use host_service::WorkflowService;
use host_wire::temporal::api::{
    batch::v1::{
        BatchOperationCancellation, BatchOperationInfo, BatchOperationReset, BatchOperationSignal,
        BatchOperationTermination,
    },
    enums::v1::{BatchOperationState as State, ResetType},
    workflowservice::v1::{start_batch_operation_request::Operation, *},
};
use tokio::time::sleep;
use tonic::{Code, Status};

use super::{NAMESPACE, Simulation, client::Client, client::execution};

/// Longest time until all batch operations have ended: at their pace, with a slow disk.
const ENDED_WITHIN: Duration = Duration::from_secs(600);

/// Batch operations that were acknowledged. Those that were stopped, with the runs that were done then.
pub(super) type Acknowledged = BTreeMap<String, Option<i64>>;

impl Client {
    /// Starts a batch operation, mostly one that signals; a run that had the signal twice would be seen. Or stops one.
    pub(super) async fn batch(&mut self) {
        if self.random.percent(25) {
            return self.stop_batch().await;
        }
        let job_id = self.new_name("batch");
        let operation = match self.random.below(10) {
            0 => Operation::TerminationOperation(BatchOperationTermination::default()),
            1 => Operation::CancellationOperation(BatchOperationCancellation::default()),
            2 => Operation::ResetOperation(BatchOperationReset {
                reset_type: ResetType::LastWorkflowTask.into(),
                ..BatchOperationReset::default()
            }),
            _ => Operation::SignalOperation(BatchOperationSignal {
                signal: job_id.clone(),
                ..BatchOperationSignal::default()
            }),
        };
        let is_named = self.random.percent(30);
        // One alone: two names may be those of one run, which has the signal twice then.
        let executions = if is_named { vec![self.named()] } else { Vec::new() };
        let request = StartBatchOperationRequest {
            namespace: NAMESPACE.to_owned(),
            job_id: job_id.clone(),
            reason: "simulated".to_owned(),
            visibility_query: if is_named { String::new() } else { "WorkflowType = 'Type'".to_owned() },
            executions,
            max_operations_per_second: if self.random.percent(50) { 1.0 } else { 0.0 },
            operation: Some(operation),
            ..Default::default()
        };
        let answer =
            self.retried(request, async |service, request| service.start_batch_operation(request).await);
        let answer = answer.await;
        // It may have been started by a call whose answer was lost.
        let is_there = match &answer {
            Ok(_) => true,
            Err(status) => status.code() == Code::AlreadyExists,
        };
        if is_there {
            self.simulation.model().batches.insert(job_id.clone(), None);
        }
        self.say(format_args!("start {job_id}"), answer.map(|_| ()));
    }

    /// A run that was seen, by its run id.
    fn named(&mut self) -> host_wire::temporal::api::common::v1::WorkflowExecution {
        let (workflow_id, run_id) = self.target();
        execution(&workflow_id, &run_id).unwrap_or_default()
    }

    async fn stop_batch(&mut self) {
        let known: Vec<String> = self.simulation.model().batches.keys().cloned().collect();
        if known.is_empty() {
            return;
        }
        let job_id = self.random.pick(&known).clone();
        let request = StopBatchOperationRequest {
            namespace: NAMESPACE.to_owned(),
            job_id: job_id.clone(),
            reason: "simulated".to_owned(),
            ..Default::default()
        };
        let answer =
            self.retried(request, async |service, request| service.stop_batch_operation(request).await);
        let answer = answer.await.map(|_| ());
        if answer.is_ok()
            && let Ok(described) = self.describe_batch(&job_id).await
        {
            self.simulation.model().batches.insert(job_id.clone(), Some(done(&described)));
        }
        self.say(format_args!("stop {job_id}"), answer);
    }

    async fn describe_batch(&mut self, job_id: &str) -> Result<DescribeBatchOperationResponse, Status> {
        let request =
            DescribeBatchOperationRequest { namespace: NAMESPACE.to_owned(), job_id: job_id.to_owned() };
        self.retried(request, async |service, request| service.describe_batch_operation(request).await).await
    }

    async fn batches(&mut self) -> Result<Vec<BatchOperationInfo>, Status> {
        let request = ListBatchOperationsRequest { namespace: NAMESPACE.to_owned(), ..Default::default() };
        let answer =
            self.retried(request, async |service, request| service.list_batch_operations(request).await);
        Ok(answer.await?.operation_info)
    }
}

fn done(described: &DescribeBatchOperationResponse) -> i64 {
    described.complete_operation_count + described.failure_operation_count
}

/// Waits until all batch operations have ended.
pub(super) async fn let_end(simulation: &Simulation, client: &mut Client) {
    let since = simulation.network.elapsed();
    while client.batches().await.unwrap().iter().any(|info| info.state() == State::Running) {
        sleep(Duration::from_secs(1)).await;
        if simulation.network.elapsed() - since > ENDED_WITHIN || simulation.has_failed() {
            return simulation.model().fail("a batch operation does not end".to_owned());
        }
    }
}

/// All that were acknowledged are there, and those that were stopped have done nothing since.
pub(super) async fn check(simulation: &Simulation, client: &mut Client) {
    let acknowledged = simulation.model().batches.clone();
    for (job_id, stopped) in acknowledged {
        let described = match client.describe_batch(&job_id).await {
            Ok(described) => described,
            Err(status) => return simulation.model().fail(format!("{job_id} is lost: {status:?}")),
        };
        let now = done(&described);
        simulation.check(stopped.is_none_or(|then| then == now), &format!("{job_id} went on to {now}"));
        simulation.check(now <= described.total_operation_count, &format!("{job_id}: {described:?}"));
    }
}
