//! A service with codecs before it.

use std::sync::Arc;

use host_service::WorkflowService;
use host_wire::{
    Parts,
    temporal::api::{
        enums::v1::{QueryResultType, WorkflowTaskFailedCause},
        failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        workflowservice::v1::*,
    },
};
use tonic::{Request, Response, Status};

use crate::{Chain, error::Failed, message};

/// What failures of this host say of where they come from.
const SOURCE: &str = "workflow-host";
/// The type of the failure of a task whose payloads cannot be decoded.
const FAILURE_TYPE: &str = "PayloadNotDecoded";

/// A service whose clients see plain payloads, while it sees encoded ones.
///
/// A task whose payloads cannot be decoded is failed here, with what is wrong, and the poll returns nothing: the service
/// tries the task again, and the run goes on once the key is here.
pub struct CodecService {
    service: Arc<dyn WorkflowService>,
    chain: Chain,
}

impl CodecService {
    /// Puts codecs before a service.
    pub fn new(service: Arc<dyn WorkflowService>, chain: Chain) -> Self {
        Self { service, chain }
    }

    async fn encoded<M: Parts + Send>(&self, mut request: Request<M>) -> Result<Request<M>, Status> {
        message::encode(&self.chain, request.get_mut()).await?;
        Ok(request)
    }

    async fn decoded<M: Parts + Send>(&self, mut response: Response<M>) -> Result<Response<M>, Status> {
        message::decode(&self.chain, response.get_mut()).await?;
        Ok(response)
    }

    /// Decodes a task, or fails it: then it is empty.
    async fn workflow_task(&self, namespace: &str, task: &mut PollWorkflowTaskQueueResponse) {
        let Err(failed) = message::decode(&self.chain, task).await else { return };
        let task = std::mem::take(task);
        tracing::warn!(error = %failed, "a workflow task is failed");
        let (namespace, task_token) = (namespace.to_owned(), task.task_token);
        let sent = if task.query.is_some() || task.started_event_id == 0 {
            let request = RespondQueryTaskCompletedRequest {
                namespace,
                task_token,
                completed_type: QueryResultType::Failed.into(),
                error_message: failed.to_string(),
                failure: Some(failure(&failed)),
                ..RespondQueryTaskCompletedRequest::default()
            };
            self.service.respond_query_task_completed(Request::new(request)).await.map(drop)
        } else if task.attempt > 1 {
            // As any task that fails again it is left to time out, so that it is not tried in a tight loop.
            Ok(())
        } else {
            let request = RespondWorkflowTaskFailedRequest {
                namespace,
                task_token,
                cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure.into(),
                failure: Some(failure(&failed)),
                ..RespondWorkflowTaskFailedRequest::default()
            };
            self.service.respond_workflow_task_failed(Request::new(request)).await.map(drop)
        };
        if let Err(status) = sent {
            tracing::debug!(error = status.message(), "failed to report a workflow task");
        }
    }

    /// Decodes a task, or fails it: then it is empty.
    async fn activity_task(&self, namespace: &str, task: &mut PollActivityTaskQueueResponse) {
        let Err(failed) = message::decode(&self.chain, task).await else { return };
        let task = std::mem::take(task);
        tracing::warn!(error = %failed, "an activity task is failed");
        let request = RespondActivityTaskFailedRequest {
            namespace: namespace.to_owned(),
            task_token: task.task_token,
            failure: Some(failure(&failed)),
            ..RespondActivityTaskFailedRequest::default()
        };
        if let Err(status) = self.service.respond_activity_task_failed(Request::new(request)).await {
            tracing::debug!(error = status.message(), "failed to report an activity task");
        }
    }
}

impl std::fmt::Debug for CodecService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodecService").field("chain", &self.chain).finish_non_exhaustive()
    }
}

fn failure(failed: &Failed) -> Failure {
    let info =
        ApplicationFailureInfo { r#type: FAILURE_TYPE.to_owned(), ..ApplicationFailureInfo::default() };
    Failure {
        message: failed.to_string(),
        source: SOURCE.to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(info)),
        ..Failure::default()
    }
}

/// One call. Those that bring tasks are written out: an acknowledgement counts, whatever comes with it.
macro_rules! way {
    ($self:ident, $request:ident, poll_workflow_task_queue) => {{
        let namespace = $request.get_ref().namespace.clone();
        let mut response = $self.service.poll_workflow_task_queue($request).await?;
        $self.workflow_task(&namespace, response.get_mut()).await;
        Ok(response)
    }};
    ($self:ident, $request:ident, poll_activity_task_queue) => {{
        let namespace = $request.get_ref().namespace.clone();
        let mut response = $self.service.poll_activity_task_queue($request).await?;
        $self.activity_task(&namespace, response.get_mut()).await;
        Ok(response)
    }};
    ($self:ident, $request:ident, respond_workflow_task_completed) => {{
        let namespace = $request.get_ref().namespace.clone();
        let request = $self.encoded($request).await?;
        let mut response = $self.service.respond_workflow_task_completed(request).await?;
        if let Some(task) = &mut response.get_mut().workflow_task {
            $self.workflow_task(&namespace, task).await;
        }
        for task in &mut response.get_mut().activity_tasks {
            $self.activity_task(&namespace, task).await;
        }
        response.get_mut().activity_tasks.retain(|task| !task.task_token.is_empty());
        Ok(response)
    }};
    ($self:ident, $request:ident, $name:ident) => {{
        let request = $self.encoded($request).await?;
        $self.decoded($self.service.$name(request).await?).await
    }};
}

macro_rules! through_codecs {
    (
        calls { $($call:ident($call_request:ident) -> $call_response:ident;)* }
        waits { $($wait:ident($wait_request:ident) -> $wait_response:ident;)* }
        polls { $($poll:ident($poll_request:ident) -> $poll_response:ident;)* }
    ) => {
        #[tonic::async_trait]
        impl WorkflowService for CodecService {
            $(async fn $call(
                &self,
                request: Request<$call_request>,
            ) -> Result<Response<$call_response>, Status> {
                way!(self, request, $call)
            })*

            $(async fn $wait(
                &self,
                request: Request<$wait_request>,
            ) -> Result<Response<$wait_response>, Status> {
                way!(self, request, $wait)
            })*

            $(async fn $poll(
                &self,
                request: Request<$poll_request>,
            ) -> Result<Response<$poll_response>, Status> {
                way!(self, request, $poll)
            })*
        }
    };
}

host_service::calls!(through_codecs);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use host_wire::temporal::api::{
        common::v1::{Payload, Payloads},
        query::v1::WorkflowQuery,
    };

    use super::*;
    use crate::{AesGcm, Codec, Key};

    /// Gives out one task of each kind, whose payload has another key, and records what it is told of it.
    #[derive(Default)]
    struct Fake {
        query: bool,
        attempt: i32,
        told: Mutex<Vec<String>>,
    }

    impl Fake {
        fn tell(&self, call: &str, token: &[u8], message: &str) {
            let token = String::from_utf8_lossy(token);
            self.told.lock().unwrap().push(format!("{call} {token}: {message}"));
        }
    }

    fn encrypted() -> Option<Payloads> {
        let other = AesGcm::new(&[Key::new("other", &[8; 32]).unwrap()]).unwrap();
        Some(Payloads { payloads: vec![other.encode(&Payload::default()).unwrap()] })
    }

    #[tonic::async_trait]
    impl WorkflowService for Fake {
        async fn poll_workflow_task_queue(
            &self,
            _: Request<PollWorkflowTaskQueueRequest>,
        ) -> Result<Response<PollWorkflowTaskQueueResponse>, Status> {
            let query = WorkflowQuery { query_args: encrypted(), ..WorkflowQuery::default() };
            Ok(Response::new(PollWorkflowTaskQueueResponse {
                task_token: "workflow".into(),
                started_event_id: 3,
                attempt: self.attempt,
                query: self.query.then(|| query.clone()),
                queries: [("id".to_owned(), query)].into(),
                ..PollWorkflowTaskQueueResponse::default()
            }))
        }

        async fn poll_activity_task_queue(
            &self,
            _: Request<PollActivityTaskQueueRequest>,
        ) -> Result<Response<PollActivityTaskQueueResponse>, Status> {
            Ok(Response::new(PollActivityTaskQueueResponse {
                task_token: "activity".into(),
                input: encrypted(),
                ..PollActivityTaskQueueResponse::default()
            }))
        }

        async fn respond_workflow_task_completed(
            &self,
            _: Request<RespondWorkflowTaskCompletedRequest>,
        ) -> Result<Response<RespondWorkflowTaskCompletedResponse>, Status> {
            let activity =
                self.poll_activity_task_queue(Request::new(Default::default())).await?.into_inner();
            let activity_tasks = vec![
                activity,
                PollActivityTaskQueueResponse {
                    task_token: "plain".into(),
                    ..PollActivityTaskQueueResponse::default()
                },
            ];
            let workflow_task =
                Some(self.poll_workflow_task_queue(Request::new(Default::default())).await?.into_inner());
            Ok(Response::new(RespondWorkflowTaskCompletedResponse {
                activity_tasks,
                workflow_task,
                ..RespondWorkflowTaskCompletedResponse::default()
            }))
        }

        async fn respond_workflow_task_failed(
            &self,
            request: Request<RespondWorkflowTaskFailedRequest>,
        ) -> Result<Response<RespondWorkflowTaskFailedResponse>, Status> {
            let request = request.into_inner();
            self.tell("task failed", &request.task_token, &request.failure.unwrap().message);
            Ok(Response::new(Default::default()))
        }

        async fn respond_query_task_completed(
            &self,
            request: Request<RespondQueryTaskCompletedRequest>,
        ) -> Result<Response<RespondQueryTaskCompletedResponse>, Status> {
            let request = request.into_inner();
            self.tell("query failed", &request.task_token, &request.error_message);
            Ok(Response::new(Default::default()))
        }

        async fn respond_activity_task_failed(
            &self,
            request: Request<RespondActivityTaskFailedRequest>,
        ) -> Result<Response<RespondActivityTaskFailedResponse>, Status> {
            let request = request.into_inner();
            self.tell("activity failed", &request.task_token, &request.failure.unwrap().message);
            Ok(Response::new(Default::default()))
        }
    }

    const WHY: &str = "a payload was not decoded: temporal.api.common.v1.Payloads.payloads: no key with id `other` is \
                       known here; known are: one";

    fn before(fake: Fake) -> (Arc<Fake>, CodecService) {
        let fake = Arc::new(fake);
        let codec = Codec::AesGcm(AesGcm::new(&[Key::new("one", &[1; 32]).unwrap()]).unwrap());
        (fake.clone(), CodecService::new(fake, Chain::new(vec![codec])))
    }

    async fn check_poll(fake: Fake, expected: &[&str]) {
        let (fake, service) = before(fake);
        let task =
            service.poll_workflow_task_queue(Request::new(Default::default())).await.unwrap().into_inner();
        assert_eq!(task, PollWorkflowTaskQueueResponse::default());
        let expected: Vec<_> = expected.iter().map(|expected| format!("{expected}: {WHY}")).collect();
        assert_eq!(*fake.told.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn tasks_that_are_not_decoded_are_failed() {
        check_poll(Fake { attempt: 1, ..Fake::default() }, &["task failed workflow"]).await;
        check_poll(Fake { attempt: 2, ..Fake::default() }, &[]).await;
        check_poll(Fake { query: true, ..Fake::default() }, &["query failed workflow"]).await;

        let (fake, service) = before(Fake { attempt: 1, ..Fake::default() });
        let task =
            service.poll_activity_task_queue(Request::new(Default::default())).await.unwrap().into_inner();
        assert_eq!(task, PollActivityTaskQueueResponse::default());
        assert_eq!(*fake.told.lock().unwrap(), [format!("activity failed activity: {WHY}")]);
    }

    /// A completion counts, whatever comes with its acknowledgement.
    #[tokio::test]
    async fn tasks_that_come_with_an_acknowledgement_are_failed_alone() {
        let (fake, service) = before(Fake { attempt: 1, ..Fake::default() });
        let answer = service
            .respond_workflow_task_completed(Request::new(Default::default()))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.workflow_task, Some(PollWorkflowTaskQueueResponse::default()));
        let tokens: Vec<_> = answer.activity_tasks.into_iter().map(|task| task.task_token).collect();
        assert_eq!(tokens, ["plain"]);
        let told = [format!("task failed workflow: {WHY}"), format!("activity failed activity: {WHY}")];
        assert_eq!(*fake.told.lock().unwrap(), told);
    }
}
