//! Nexus in scripts: an endpoint, the answers of its handlers, and workflows that these start.

use host_wire::temporal::api::{
    common::v1::{Callback, callback},
    nexus::v1::{
        EndpointSpec, EndpointTarget, Failure, HandlerError, Response, StartOperationResponse,
        UnsuccessfulOperationError, endpoint_target, response,
        start_operation_response::{Async, Sync, Variant},
    },
    workflowservice::v1::StartWorkflowExecutionRequest,
};

use crate::{
    error::Error,
    execution::{
        nexus::{
            answer::{self, Answer},
            callback_token,
        },
        tests::script::Script,
        token::TaskToken,
    },
    nexus::endpoint::Endpoint,
    time::Time,
};

/// The endpoint of all operations.
pub(super) fn endpoint() -> Endpoint {
    let worker =
        endpoint_target::Worker { namespace: "default".to_owned(), task_queue: "handlers".to_owned() };
    let spec = EndpointSpec {
        name: "endpoint".to_owned(),
        description: None,
        target: Some(EndpointTarget { variant: Some(endpoint_target::Variant::Worker(worker)) }),
    };
    Endpoint::new("00000000-0000-4000-8000-00000000000e".to_owned(), spec, Time::default())
}

/// What every handler says that refuses.
fn no() -> Failure {
    Failure { message: "no".to_owned(), ..Failure::default() }
}

fn answer(word: &str) -> Answer {
    let unsuccessful = |state: &str| {
        Variant::OperationError(UnsuccessfulOperationError {
            operation_state: state.to_owned(),
            failure: Some(no()),
        })
    };
    let variant = match word {
        "sync" => Some(Variant::SyncSuccess(Sync::default())),
        "async" => {
            Some(Variant::AsyncSuccess(Async { operation_token: "token".to_owned(), ..Async::default() }))
        }
        "failed" | "canceled" => Some(unsuccessful(word)),
        "empty" => None,
        of => {
            let failure = Some(no());
            let error = HandlerError { error_type: of.to_owned(), failure, ..HandlerError::default() };
            return Answer::Failed(error);
        }
    };
    let started = StartOperationResponse { variant };
    Answer::Completed(Some(Response { variant: Some(response::Variant::StartOperation(started)) }))
}

impl Script {
    /// The handler answers the call that an operation waits for.
    pub(super) fn answer_call(&mut self, event_id: &str, word: &str, id: &str) -> Result<(), Error> {
        let event_id: i64 = event_id.parse().unwrap();
        let number = self.number(id);
        let run = self.run(id);
        let call = run.nexus().get(event_id).and_then(|operation| operation.current_call());
        let Some((kind, call)) = call else { return Err(Error::no_nexus_task()) };
        let token = TaskToken::of_nexus(number, run, event_id, kind, call.ended);
        let answer = answer(word);
        answer::check(&answer)?;
        self.transition(
            |executions| answer::find(executions, &token),
            |transition, number| {
                transition.change(number, |run| answer::take(run, event_id, answer));
                Ok(())
            },
        )
    }

    /// A handler starts a workflow whose end is that of an operation of `w`.
    pub(super) fn start_callee(
        &mut self,
        event_id: &str,
        mut request: StartWorkflowExecutionRequest,
    ) -> Result<(), Error> {
        let number = self.number("w");
        let run = self.run("w");
        let Some(operation) = run.nexus().get(event_id.parse().unwrap()) else {
            return Err(Error::no_nexus_task());
        };
        let mut header = callback_token::header(number, run, operation);
        header.insert("Nexus-Operation-Token".to_owned(), "token".to_owned());
        let nexus = callback::Nexus { url: callback_token::URL.to_owned(), header };
        request.completion_callbacks =
            vec![Callback { variant: Some(callback::Variant::Nexus(nexus)), ..Callback::default() }];
        self.start(&request)
    }
}
