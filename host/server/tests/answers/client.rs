//! Calls of a service over gRPC, with what is the same in all of them.

use std::time::Duration;

use host_service::{
    operator_service_client::OperatorServiceClient, workflow_service_client::WorkflowServiceClient,
};
use host_wire::{
    EventAttributes, duration_to_proto,
    temporal::api::{
        command::v1::{Command, command::Attributes},
        common::v1::{Payload, WorkflowExecution, WorkflowType},
        enums::v1::EventType,
        history::v1::HistoryEvent,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::*,
    },
};
use tonic::{Status, transport::Channel};

pub(crate) const NAMESPACE: &str = "default";

/// A service, and a prefix of the names that are used there.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) service: WorkflowServiceClient<Channel>,
    pub(crate) operator: OperatorServiceClient<Channel>,
    /// Where its HTTP API is.
    pub(crate) http_address: String,
    prefix: &'static str,
}

impl Client {
    pub(crate) async fn connect(address: &str, http_address: &str, prefix: &'static str) -> Self {
        let url = format!("http://{address}");
        Self {
            service: WorkflowServiceClient::connect(url.clone()).await.unwrap(),
            operator: OperatorServiceClient::connect(url).await.unwrap(),
            http_address: http_address.to_owned(),
            prefix,
        }
    }

    /// A workflow id of this table.
    pub(crate) fn id(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// A queue of this table.
    pub(crate) fn queue(&self) -> Option<TaskQueue> {
        Some(TaskQueue { name: self.prefix.to_owned(), ..TaskQueue::default() })
    }

    pub(crate) fn start_request(&self, name: &str) -> StartWorkflowExecutionRequest {
        StartWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_id: self.id(name),
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            task_queue: self.queue(),
            request_id: new_id(),
            ..Default::default()
        }
    }

    pub(crate) fn signal_start_request(&self, name: &str) -> SignalWithStartWorkflowExecutionRequest {
        SignalWithStartWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_id: self.id(name),
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            task_queue: self.queue(),
            request_id: new_id(),
            signal_name: "signal".to_owned(),
            ..Default::default()
        }
    }

    pub(crate) async fn start(&mut self, name: &str) -> String {
        let request = self.start_request(name);
        self.service.start_workflow_execution(request).await.unwrap().into_inner().run_id
    }

    /// The next workflow task; nothing if there is none soon.
    pub(crate) async fn poll_within(&mut self, wait: Duration) -> Option<PollWorkflowTaskQueueResponse> {
        let mut request = tonic::Request::new(PollWorkflowTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: self.queue(),
            ..Default::default()
        });
        request.set_timeout(wait);
        let polled = self.service.poll_workflow_task_queue(request).await;
        polled.ok().map(tonic::Response::into_inner).filter(|task| !task.task_token.is_empty())
    }

    pub(crate) async fn poll(&mut self) -> PollWorkflowTaskQueueResponse {
        self.poll_within(Duration::from_secs(20)).await.expect("a workflow task")
    }

    pub(crate) async fn try_complete(
        &mut self,
        task: &PollWorkflowTaskQueueResponse,
        commands: Vec<Attributes>,
    ) -> Result<(), Status> {
        let request = completed_with(task, commands);
        self.service.respond_workflow_task_completed(request).await.map(|_| ())
    }

    pub(crate) async fn complete(&mut self, task: &PollWorkflowTaskQueueResponse, commands: Vec<Attributes>) {
        self.try_complete(task, commands).await.unwrap();
    }

    pub(crate) async fn terminate(&mut self, name: &str) {
        let request = TerminateWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: Some(self.execution(name)),
            ..Default::default()
        };
        // It may be closed.
        let _ = self.service.terminate_workflow_execution(request).await;
    }

    pub(crate) fn execution(&self, name: &str) -> WorkflowExecution {
        WorkflowExecution { workflow_id: self.id(name), run_id: String::new() }
    }

    pub(crate) async fn history(&mut self, workflow_id: &str, run_id: &str) -> Vec<HistoryEvent> {
        self.history_if_any(workflow_id, run_id).await.unwrap()
    }

    /// A history that may have been deleted.
    pub(crate) async fn history_if_any(
        &mut self,
        workflow_id: &str,
        run_id: &str,
    ) -> Result<Vec<HistoryEvent>, Status> {
        let execution =
            Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: run_id.to_owned() });
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: NAMESPACE.to_owned(),
            execution,
            ..Default::default()
        };
        let answer = self.service.get_workflow_execution_history(request).await?.into_inner();
        Ok(answer.history.unwrap_or_default().events().map(|event| event.unwrap()).collect())
    }

    /// The first event of this type in the latest run, which may take a while to be there.
    pub(crate) async fn event(&mut self, name: &str, kind: EventType) -> EventAttributes {
        let id = self.id(name);
        for _ in 0..200 {
            let history = self.history(&id, "").await;
            if let Some(found) = history.into_iter().find(|event| event.event_type() == kind) {
                return found.attributes.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{id} has no event {kind:?}")
    }

    /// The status of a run.
    pub(crate) async fn status(&mut self, name: &str, run_id: &str) -> String {
        let execution = WorkflowExecution { run_id: run_id.to_owned(), ..self.execution(name) };
        let request =
            DescribeWorkflowExecutionRequest { namespace: NAMESPACE.to_owned(), execution: Some(execution) };
        let answer = self.service.describe_workflow_execution(request).await.unwrap().into_inner();
        format!("{:?}", answer.workflow_execution_info.unwrap().status())
    }
}

/// An id that no request had before.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

pub(crate) fn seconds(seconds: u64) -> Option<prost_types::Duration> {
    Some(duration_to_proto(Duration::from_secs(seconds)))
}

/// A value as the SDKs' JSON converters write it.
pub(crate) fn json(text: &str) -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), "json/plain".into())].into(),
        data: text.to_owned().into(),
        ..Payload::default()
    }
}

/// The code and the text of a refusal, without ids that differ each time.
pub(crate) fn refusal(status: &Status) -> String {
    let words = status.message().split(' ').map(|word| {
        let bare = word.trim_end_matches(['.', ',', '"']);
        if uuid::Uuid::parse_str(bare).is_ok() { word.replace(bare, "<id>") } else { word.to_owned() }
    });
    format!("{:?}: {}", status.code(), words.collect::<Vec<_>>().join(" "))
}

pub(crate) fn completion() -> Attributes {
    Attributes::CompleteWorkflowExecutionCommandAttributes(Box::default())
}

/// Completes a task.
pub(crate) fn completed_with(
    task: &PollWorkflowTaskQueueResponse,
    commands: Vec<Attributes>,
) -> RespondWorkflowTaskCompletedRequest {
    let command = |attributes: Attributes| Command {
        command_type: command_type(&attributes),
        attributes: Some(attributes),
        ..Command::default()
    };
    RespondWorkflowTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: task.task_token.clone(),
        commands: commands.into_iter().map(command).collect(),
        ..Default::default()
    }
}

/// The type of a command, which Temporal's server looks at.
fn command_type(attributes: &Attributes) -> i32 {
    use host_wire::temporal::api::enums::v1::CommandType as C;
    match attributes {
        Attributes::ScheduleActivityTaskCommandAttributes(_) => C::ScheduleActivityTask,
        Attributes::StartTimerCommandAttributes(_) => C::StartTimer,
        Attributes::CompleteWorkflowExecutionCommandAttributes(_) => C::CompleteWorkflowExecution,
        Attributes::FailWorkflowExecutionCommandAttributes(_) => C::FailWorkflowExecution,
        Attributes::RequestCancelActivityTaskCommandAttributes(_) => C::RequestCancelActivityTask,
        Attributes::CancelTimerCommandAttributes(_) => C::CancelTimer,
        Attributes::CancelWorkflowExecutionCommandAttributes(_) => C::CancelWorkflowExecution,
        Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(_) => {
            C::RequestCancelExternalWorkflowExecution
        }
        Attributes::RecordMarkerCommandAttributes(_) => C::RecordMarker,
        Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(_) => C::ContinueAsNewWorkflowExecution,
        Attributes::StartChildWorkflowExecutionCommandAttributes(_) => C::StartChildWorkflowExecution,
        Attributes::SignalExternalWorkflowExecutionCommandAttributes(_) => C::SignalExternalWorkflowExecution,
        Attributes::UpsertWorkflowSearchAttributesCommandAttributes(_) => C::UpsertWorkflowSearchAttributes,
        Attributes::ProtocolMessageCommandAttributes(_) => C::ProtocolMessage,
        Attributes::ModifyWorkflowPropertiesCommandAttributes(_) => C::ModifyWorkflowProperties,
        Attributes::ScheduleNexusOperationCommandAttributes(_) => C::ScheduleNexusOperation,
        Attributes::RequestCancelNexusOperationCommandAttributes(_) => C::RequestCancelNexusOperation,
    }
    .into()
}
