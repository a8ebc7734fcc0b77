//! Clients: they start, signal, update, cancel, terminate, query and look.

use std::{sync::Arc, time::Duration};

use fuzz::Random;
use host_service::WorkflowService;
use host_wire::{
    duration_to_proto,
    temporal::api::{
        common::v1::{Payloads, RetryPolicy, WorkflowExecution, WorkflowType},
        enums::v1::{WorkflowExecutionStatus as RunStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
        query::v1::WorkflowQuery,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::*,
    },
};
use tokio::time::sleep;
use tonic::{Code, Request, Status};

use super::{NAMESPACE, QUEUE, Simulation, network::Line, updates::SentUpdate};

/// Workflow ids that clients use, few so that runs meet.
const WORKFLOW_IDS: [&str; 4] = ["a", "b", "c", "d"];
/// How often a client tries again what the network lost.
const TRIES: u64 = 4;

/// One client.
pub(super) struct Client {
    pub(super) simulation: Arc<Simulation>,
    pub(super) random: Random,
    line: Line,
    number: u64,
    names: u64,
    /// Schedules that it created.
    pub(super) schedules: u64,
    /// The last update of which it heard something.
    pub(super) sent: Option<SentUpdate>,
}

pub(super) fn execution(workflow_id: &str, run_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: run_id.to_owned() })
}

fn seconds(seconds: u64) -> Option<prost_types::Duration> {
    Some(duration_to_proto(Duration::from_secs(seconds)))
}

impl Client {
    pub(super) fn new(simulation: Arc<Simulation>, number: u64, random: Random, is_bad: bool) -> Self {
        Self {
            simulation,
            random,
            line: Line { in_process: false, is_bad },
            number,
            names: 0,
            schedules: 0,
            sent: None,
        }
    }

    /// Does one thing after another while there is chaos.
    pub(super) async fn run(&mut self) {
        let random = self.random.clone();
        for call in 0.. {
            if !self.simulation.is_chaos() {
                return;
            }
            // Its own for each call: one that is left out does not change the others.
            self.random = random.fork(call);
            let number = (self.number, call);
            if !self.simulation.plan.cuts.calls.contains(&number) {
                self.simulation.calls.lock().unwrap().push(number);
                self.call().await;
            }
            sleep(Duration::from_micros(self.random.below(1_500_000))).await;
        }
    }

    async fn call(&mut self) {
        match self.random.below(33) {
            0..6 => self.start().await,
            6..11 => self.signal().await,
            11 => self.cancel().await,
            12 => self.terminate().await,
            13..15 => self.query().await,
            15..17 => self.read().await,
            17 => self.describe().await,
            18..22 => self.update().await,
            22..24 => self.create_schedule().await,
            24 => self.reset().await,
            25..27 => self.operate().await,
            27..29 => self.batch().await,
            29..31 => self.deploy().await,
            _ => drop(self.list().await),
        }
    }

    /// Calls until the network lets it through, or the client gives up.
    pub(super) async fn retried<
        M: Clone,
        R,
        F: Future<Output = Result<tonic::Response<R>, Status>> + Send,
    >(
        &mut self,
        message: M,
        call: impl Fn(crate::api::open::Service, Request<M>) -> F,
    ) -> Result<R, Status> {
        let mut tries = 0;
        loop {
            let request = Request::new(message.clone());
            let network = &self.simulation.network;
            let answer = network.call(self.line, &mut self.random, |service| call(service, request)).await;
            tries += 1;
            match answer {
                Err(status)
                    if matches!(status.code(), Code::Unavailable | Code::ResourceExhausted)
                        && (tries < TRIES || !self.line.is_bad) =>
                {
                    sleep(Duration::from_millis(10 + self.random.below(500))).await;
                }
                answer => return answer,
            }
        }
    }

    pub(super) fn start_request(&mut self) -> StartWorkflowExecutionRequest {
        self.names += 1;
        let random = &mut self.random;
        let retry =
            RetryPolicy { maximum_attempts: 3, initial_interval: seconds(1), ..RetryPolicy::default() };
        StartWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_id: (*random.pick(&WORKFLOW_IDS)).to_owned(),
            request_id: format!("start-{}-{}", self.number, self.names),
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            task_queue: Some(TaskQueue { name: QUEUE.to_owned(), ..TaskQueue::default() }),
            workflow_task_timeout: seconds(1 + random.below(5)),
            workflow_run_timeout: if random.percent(10) { seconds(1 + random.below(30)) } else { None },
            workflow_execution_timeout: if random.percent(5) { seconds(1 + random.below(60)) } else { None },
            retry_policy: random.percent(30).then_some(retry),
            workflow_start_delay: if random.percent(10) { seconds(1 + random.below(15)) } else { None },
            workflow_id_reuse_policy: (*random.pick(&[
                WorkflowIdReusePolicy::AllowDuplicate,
                WorkflowIdReusePolicy::AllowDuplicateFailedOnly,
            ]))
            .into(),
            workflow_id_conflict_policy: (*random.pick(&[
                WorkflowIdConflictPolicy::Fail,
                WorkflowIdConflictPolicy::UseExisting,
                WorkflowIdConflictPolicy::UseExisting,
                WorkflowIdConflictPolicy::TerminateExisting,
            ]))
            .into(),
            ..Default::default()
        }
    }

    async fn start(&mut self) {
        let request = self.start_request();
        let workflow_id = request.workflow_id.clone();
        if self.random.percent(25) {
            return self.signal_with_start(request).await;
        }
        let answer =
            self.retried(request, async |service, request| service.start_workflow_execution(request).await);
        let answer = answer.await;
        if let Ok(answer) = &answer {
            self.simulation.model().saw_run(&workflow_id, &answer.run_id);
        }
        let answer = answer.map(|answer| answer.run_id);
        self.say(format_args!("start {workflow_id}"), answer);
    }

    async fn signal_with_start(&mut self, start: StartWorkflowExecutionRequest) {
        let name = self.new_name("signal");
        let request = SignalWithStartWorkflowExecutionRequest {
            namespace: start.namespace,
            workflow_id: start.workflow_id.clone(),
            workflow_type: start.workflow_type,
            task_queue: start.task_queue,
            workflow_task_timeout: start.workflow_task_timeout,
            request_id: start.request_id,
            signal_name: name.clone(),
            ..Default::default()
        };
        let answer = self.retried(request, async |service, request| {
            service.signal_with_start_workflow_execution(request).await
        });
        let answer = answer.await;
        if let Ok(answer) = &answer {
            let mut model = self.simulation.model();
            model.saw_run(&start.workflow_id, &answer.run_id);
            model.signal_acknowledged(&name);
        }
        let answer = answer.map(|answer| answer.run_id);
        self.say(format_args!("signal with start {} {name}", start.workflow_id), answer);
    }

    pub(super) fn new_name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}-{}-{}", self.number, self.names)
    }

    async fn signal(&mut self) {
        let (workflow_id, run_id) = self.target();
        let name = self.new_name("signal");
        self.send_signal(&workflow_id, &run_id, &name).await;
    }

    pub(super) async fn send_signal(&mut self, workflow_id: &str, run_id: &str, name: &str) {
        let request = SignalWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: execution(workflow_id, run_id),
            signal_name: name.to_owned(),
            request_id: name.to_owned(),
            ..Default::default()
        };
        let answer =
            self.retried(request, async |service, request| service.signal_workflow_execution(request).await);
        let answer = answer.await;
        if answer.is_ok() {
            self.simulation.model().signal_acknowledged(name);
        }
        self.say(format_args!("signal {workflow_id} {run_id} {name}"), answer.map(|_| ()));
    }

    async fn cancel(&mut self) {
        let (workflow_id, run_id) = self.target();
        let request = RequestCancelWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: execution(&workflow_id, &run_id),
            ..Default::default()
        };
        let answer = self.retried(request, async |service, request| {
            service.request_cancel_workflow_execution(request).await
        });
        let answer = answer.await.map(|_| ());
        self.say(format_args!("cancel {workflow_id} {run_id}"), answer);
    }

    async fn terminate(&mut self) {
        let (workflow_id, run_id) = self.target();
        let request = TerminateWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: execution(&workflow_id, &run_id),
            ..Default::default()
        };
        let answer = self
            .retried(request, async |service, request| service.terminate_workflow_execution(request).await);
        let answer = answer.await.map(|_| ());
        self.say(format_args!("terminate {workflow_id} {run_id}"), answer);
    }

    /// The answer counts the signals that the workflow knows, which are at least those that were seen.
    async fn query(&mut self) {
        let (workflow_id, run_id) = self.target();
        let seen = self.simulation.model().runs.get(&run_id).map_or(0, super::model::SeenRun::signals_seen);
        let request = QueryWorkflowRequest {
            namespace: NAMESPACE.to_owned(),
            execution: execution(&workflow_id, &run_id),
            query: Some(WorkflowQuery { query_type: "signals".to_owned(), ..WorkflowQuery::default() }),
            ..Default::default()
        };
        let answer = self.retried(request, async |service, mut request| {
            request.set_timeout(Duration::from_secs(5));
            service.query_workflow(request).await
        });
        let answer = answer.await.map(|answer| count(answer.query_result.as_ref()));
        if let Ok(known) = &answer
            && *known < seen
        {
            let what = format!("{workflow_id} {run_id}: a query answers {known} signals, {seen} were seen");
            self.simulation.model().fail(what);
        }
        self.say(format_args!("query {workflow_id} {run_id}"), answer);
    }

    async fn read(&mut self) {
        let (workflow_id, run_id) = self.target();
        if run_id.is_empty() {
            return;
        }
        let waits = self.random.percent(30);
        let answer = self.read_history(&workflow_id, &run_id, waits).await;
        self.say(format_args!("read {workflow_id} {run_id}"), answer);
    }

    /// Reads a whole history; answers how many events it has.
    pub(super) async fn read_history(
        &mut self,
        workflow_id: &str,
        run_id: &str,
        waits: bool,
    ) -> Result<usize, Status> {
        let mut request = GetWorkflowExecutionHistoryRequest {
            namespace: NAMESPACE.to_owned(),
            execution: execution(workflow_id, run_id),
            wait_new_event: waits,
            maximum_page_size: i32::try_from(5 + self.random.below(50)).unwrap(),
            ..Default::default()
        };
        let mut events = 0;
        loop {
            let answer = self.retried(request.clone(), async |service, mut request| {
                request.set_timeout(Duration::from_secs(3));
                service.get_workflow_execution_history(request).await
            });
            let answer = answer.await?;
            let page = answer.history.unwrap_or_default();
            let first = i64::try_from(events).unwrap() + 1;
            let now = self.simulation.now();
            self.simulation.model().saw_history(workflow_id, run_id, first, page.encoded(), now);
            events += page.len();
            if answer.next_page_token.is_empty() || waits && page.is_empty() {
                return Ok(events);
            }
            request.next_page_token = answer.next_page_token;
        }
    }

    async fn describe(&mut self) {
        let (workflow_id, run_id) = self.target();
        let answer = self.described(&workflow_id, &run_id).await;
        let answer = answer.map(|answer| answer.workflow_execution_info.unwrap_or_default().history_length);
        self.say(format_args!("describe {workflow_id} {run_id}"), answer);
    }

    pub(super) async fn described(
        &mut self,
        workflow_id: &str,
        run_id: &str,
    ) -> Result<DescribeWorkflowExecutionResponse, Status> {
        let (seen, asked) = (self.seen(run_id), self.simulation.model().mark());
        let request = DescribeWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            execution: execution(workflow_id, run_id),
        };
        let answer = self
            .retried(request, async |service, request| service.describe_workflow_execution(request).await);
        let answer = answer.await?;
        let info = answer.workflow_execution_info.clone().unwrap_or_default();
        self.simulation.model().saw_info(&info, asked, seen);
        Ok(answer)
    }

    fn seen(&self, run_id: &str) -> usize {
        self.simulation.model().runs.get(run_id).map_or(0, super::model::SeenRun::events_seen)
    }

    /// Lists all runs; answers those that are open, with workflow id and run id.
    pub(super) async fn list(&mut self) -> Result<Vec<(String, String)>, Status> {
        let asked = self.simulation.model().mark();
        let request = ListWorkflowExecutionsRequest { namespace: NAMESPACE.to_owned(), ..Default::default() };
        let answer =
            self.retried(request, async |service, request| service.list_workflow_executions(request).await);
        let answer = answer.await;
        let executions = answer.as_ref().map_or(&[][..], |answer| &answer.executions);
        let mut open: Vec<(String, String)> = Vec::new();
        {
            let mut model = self.simulation.model();
            for info in executions {
                model.saw_info(info, asked, 0);
                let execution = info.execution.clone().unwrap_or_default();
                if info.status() == RunStatus::Running {
                    if open.iter().any(|(workflow_id, _)| *workflow_id == execution.workflow_id) {
                        model.fail(format!("{} has two open runs", execution.workflow_id));
                    }
                    open.push((execution.workflow_id, execution.run_id));
                }
            }
        }
        let counts = (executions.len(), open.len());
        self.say(format_args!("list"), answer.map(|_| counts));
        if counts.0 == 0 { Ok(Vec::new()) } else { Ok(open) }
    }

    /// A workflow id, and mostly one of its runs.
    pub(super) fn target(&mut self) -> (String, String) {
        let workflow_id = *self.random.pick(&WORKFLOW_IDS);
        let model = self.simulation.model();
        let runs: Vec<_> = model.runs.iter().filter(|(_, run)| run.workflow_id == workflow_id).collect();
        if runs.is_empty() || self.random.percent(40) {
            return (workflow_id.to_owned(), String::new());
        }
        (workflow_id.to_owned(), self.random.pick(&runs).0.clone())
    }

    pub(super) fn say(&self, what: std::fmt::Arguments<'_>, answer: Result<impl std::fmt::Debug, Status>) {
        let number = self.number;
        match answer {
            Ok(answer) => self.simulation.say(format_args!("client {number}: {what}: {answer:?}")),
            Err(status) => {
                self.simulation.say(format_args!(
                    "client {number}: {what}: {:?} {}",
                    status.code(),
                    status.message()
                ));
            }
        }
    }
}

fn count(answer: Option<&Payloads>) -> usize {
    let data = answer.and_then(|answer| answer.payloads.first()).map(|payload| payload.data.to_vec());
    String::from_utf8(data.unwrap_or_default()).unwrap().parse().unwrap_or_default()
}
