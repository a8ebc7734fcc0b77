//! One RPC of a worker: with a time limit, and made again while that may help.

use std::{future::Future, time::Duration};

use host_service::{Backoff, CallFailure};
use host_telemetry as telemetry;
use host_wire::temporal::api::workflowservice::v1::*;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Request, Response, Status};

/// How long one attempt of an ordinary RPC may take.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a poll may take. The service answers an idle one after a minute.
pub(crate) const POLL_TIMEOUT: Duration = Duration::from_secs(70);

/// What the host waits beyond the time limit it sent along, so that the service answers first.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(1);

/// A request that workers make, as metrics name it.
pub(crate) trait Call {
    /// The name of the call.
    const OPERATION: &str;
    /// Whether the service holds the call open until there is something to answer.
    const POLLS: bool;

    /// The namespace that it is about; `none`, as sdk-core has it, where it is about none.
    fn namespace(&self) -> &str;
}

macro_rules! calls {
    ($($request:ident $operation:literal $polls:literal $namespace:expr;)*) => {
        $(impl Call for $request {
            const OPERATION: &str = $operation;
            const POLLS: bool = $polls;

            fn namespace(&self) -> &str {
                let namespace: fn(&Self) -> &str = $namespace;
                namespace(self)
            }
        })*
    };
}

calls! {
    GetSystemInfoRequest "GetSystemInfo" false |_| "none";
    DescribeNamespaceRequest "DescribeNamespace" false |request| &request.namespace;
    ShutdownWorkerRequest "ShutdownWorker" false |request| &request.namespace;
    PollWorkflowTaskQueueRequest "PollWorkflowTaskQueue" true |request| &request.namespace;
    PollActivityTaskQueueRequest "PollActivityTaskQueue" true |request| &request.namespace;
    RespondWorkflowTaskCompletedRequest "RespondWorkflowTaskCompleted" false |request| &request.namespace;
    RespondWorkflowTaskFailedRequest "RespondWorkflowTaskFailed" false |request| &request.namespace;
    RespondQueryTaskCompletedRequest "RespondQueryTaskCompleted" false |request| &request.namespace;
    RespondActivityTaskCompletedRequest "RespondActivityTaskCompleted" false |request| &request.namespace;
    RespondActivityTaskFailedRequest "RespondActivityTaskFailed" false |request| &request.namespace;
    RespondActivityTaskCanceledRequest "RespondActivityTaskCanceled" false |request| &request.namespace;
    RecordActivityTaskHeartbeatRequest "RecordActivityTaskHeartbeat" false |request| &request.namespace;
    GetWorkflowExecutionHistoryRequest "GetWorkflowExecutionHistory" false |request| &request.namespace;
    GetWorkflowExecutionHistoryReverseRequest "GetWorkflowExecutionHistoryReverse" false |request| &request.namespace;
    ListWorkflowExecutionsRequest "ListWorkflowExecutions" false |request| &request.namespace;
    DescribeWorkerDeploymentRequest "DescribeWorkerDeployment" false |request| &request.namespace;
    CountWorkflowExecutionsRequest "CountWorkflowExecutions" false |request| &request.namespace;
}

/// Sends a request once. The service learns of the time limit.
pub(crate) async fn once<Q: Call, A, F>(
    limit: Duration,
    message: Q,
    call: impl FnOnce(Request<Q>) -> F,
) -> Result<A, Status>
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    let measured = Measured::begin(&message);
    let mut request = Request::new(message);
    request.set_timeout(limit);
    let answer = match timeout(limit + TIMEOUT_MARGIN, call(request)).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("no answer from the service")),
    };
    if let Some(measured) = measured {
        measured.end::<Q>(answer.as_ref().err());
    }
    answer
}

/// A call that is under way.
struct Measured {
    namespace: String,
    began: Instant,
}

impl Measured {
    fn begin<Q: Call>(message: &Q) -> Option<Self> {
        let begin = || Self { namespace: message.namespace().to_owned(), began: Instant::now() };
        telemetry::is_enabled().then(begin)
    }

    fn end<Q: Call>(self, status: Option<&Status>) {
        let labels = [self.namespace.as_str(), Q::OPERATION];
        let (calls, failures, latency) = if Q::POLLS {
            let failures = &telemetry::LONG_REQUEST_FAILURE;
            (&telemetry::LONG_REQUEST, failures, &telemetry::LONG_REQUEST_LATENCY)
        } else {
            (&telemetry::REQUEST, &telemetry::REQUEST_FAILURE, &telemetry::REQUEST_LATENCY)
        };
        calls.count(labels);
        latency.took(labels, self.began.elapsed());
        // How some services end an idle poll.
        let ended = |code| Q::POLLS && matches!(code, Code::DeadlineExceeded | Code::Cancelled);
        if let Some(code) = status.map(Status::code).filter(|code| !ended(*code)) {
            failures.count([&self.namespace, Q::OPERATION, &format!("{code:?}")]);
        }
    }
}

/// Sends a request until it is answered, or refused for a reason that does not pass, or `deadline`
/// has come. It may arrive more than once.
pub(crate) async fn retried<Q, A, F>(
    deadline: Instant,
    message: Q,
    mut call: impl FnMut(Request<Q>) -> F,
) -> Result<A, Status>
where
    Q: Call + Clone,
    F: Future<Output = Result<Response<A>, Status>>,
{
    let mut backoff = Backoff::of_loop();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = left.clamp(Duration::from_secs(1), CALL_TIMEOUT);
        let status = match once(limit, message.clone(), &mut call).await {
            Ok(answer) => return Ok(answer),
            Err(status) => status,
        };
        let failure = CallFailure::of(&status);
        let pause = match failure {
            CallFailure::Transient | CallFailure::Overloaded | CallFailure::TimedOut => backoff.next(failure),
            CallFailure::TooLarge | CallFailure::Refused => return Err(status),
        };
        if Instant::now() + pause >= deadline {
            return Err(status);
        }
        sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a call that always fails like this is made within 5 s.
    async fn calls(status: Status) -> u32 {
        let started = Instant::now();
        let mut calls = 0;
        let answer: Result<(), Status> =
            retried(started + Duration::from_secs(5), GetSystemInfoRequest {}, |_| {
                calls += 1;
                let status = status.clone();
                async { Err(status) }
            })
            .await;
        assert_eq!(answer.unwrap_err().code(), status.code());
        assert!(started.elapsed() <= Duration::from_secs(5));
        calls
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_until_the_deadline() {
        for code in [Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled] {
            assert!(calls(Status::new(code, "")).await >= 4, "{code:?}");
        }
        assert!(calls(Status::resource_exhausted("namespace rate limit exceeded")).await >= 2);
        assert_eq!(calls(Status::not_found("Workflow task not found.")).await, 1);
        let too_large = "grpc: received message larger than max (5000000 vs. 4194304)";
        assert_eq!(calls(Status::resource_exhausted(too_large)).await, 1);
    }
}
