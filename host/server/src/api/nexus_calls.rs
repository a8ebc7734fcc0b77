//! Calls of Nexus handlers at URLs: handed out here, made by whoever speaks HTTP.

use bytes::Bytes;
use host_wire::temporal::api::{
    common::v1::{Callback, Payload, callback},
    enums::v1::TaskQueueType,
    nexus::v1::{Failure, HandlerError, Request, Response},
};
use prost::Message as _;
use tokio::time::Instant;
use tonic::Status;

use crate::{
    api::{context::Context, deadline::LONG_POLL, long_poll::Poller, nexus_task::respond_to, open::Service},
    error::Error,
    execution::{
        loading::NotReady,
        nexus::{
            answer::Answer,
            callback::{Outcome, deliver, find_operation},
            failure::{of_canceled, of_nexus},
            state::CallKind,
            task::{self, URLS},
        },
        record::RunNumber,
        task::Task,
        token::TaskToken,
    },
    limits,
    matching::{queue_key::QueueKey, queued::Queued, queues::Polled},
    shard::Shard,
    time::Time,
};

/// The calls of Nexus handlers at URLs. A call that is taken and not answered within 10 s is handed out again.
#[derive(Clone, Debug)]
pub struct NexusCalls {
    context: Context,
}

/// A call of a handler at a URL.
#[derive(Clone, Debug)]
pub struct NexusCall {
    /// The URL of its endpoint.
    pub url: String,
    /// What the handler is asked.
    pub request: Request,
    token: Bytes,
}

/// How an operation ended that a handler had started.
#[derive(Clone, Debug)]
pub enum NexusOutcome {
    /// With this result.
    Succeeded(Option<Payload>),
    /// It failed.
    Failed(Failure),
    /// It was cancelled.
    Canceled(Failure),
}

impl NexusCalls {
    pub(crate) fn new(service: &Service) -> Self {
        Self { context: service.in_process().context }
    }

    /// The next call; none once the service ends. `callback` makes the URL to which a handler reports the end of an operation
    /// of a namespace, if there is one.
    ///
    /// # Errors
    ///
    /// When the service cannot read the run that calls.
    pub async fn next(&self, callback: impl Fn(&str) -> Option<String>) -> Result<Option<NexusCall>, Status> {
        let key = QueueKey::of(URLS.0, URLS.1, TaskQueueType::Nexus);
        loop {
            let poller = Poller::enter(&self.context, key.clone(), Polled::default())?;
            while let Some(mut taken) = poller.next(Instant::now() + LONG_POLL).await {
                let Some(Queued::Task(Task::Nexus { run, scheduled_event_id, kind, attempt, .. })) =
                    taken.queued()
                else {
                    taken.keep(false);
                    continue;
                };
                let (run, id, call, now) = (*run, *scheduled_event_id, (*kind, *attempt), self.context.now());
                let call = self.context.read(|shard| made(shard, run, id, call, &callback, now)).await?;
                taken.keep(call.is_some());
                if call.is_some() {
                    return Ok(call);
                }
            }
            if self.context.closing().get() {
                return Ok(None);
            }
        }
    }

    /// Takes the answer of a handler.
    ///
    /// # Errors
    ///
    /// When it is none that can be, no operation waits for it any more, the disk is full, or the service ends.
    pub async fn answer(
        &self,
        call: &NexusCall,
        answer: Result<Response, Box<HandlerError>>,
    ) -> Result<(), Status> {
        let answer = match answer {
            Ok(response) => Answer::Completed(Some(response)),
            Err(error) => Answer::Failed(*error),
        };
        respond_to(&self.context, None, &call.token, answer).await
    }

    /// A handler reports how an operation ended, with the headers that came with the callback, and perhaps its token of the
    /// operation.
    ///
    /// # Errors
    ///
    /// NOT_FOUND when there is no such operation any more; when the outcome is too large, the disk is full, or the service
    /// ends.
    pub async fn complete(
        &self,
        header: impl IntoIterator<Item = (String, String)>,
        operation_token: &str,
        outcome: NexusOutcome,
    ) -> Result<(), Status> {
        let callback = callback::Nexus { header: header.into_iter().collect(), ..callback::Nexus::default() };
        let callback = Callback { variant: Some(callback::Variant::Nexus(callback)), ..Callback::default() };
        if operation_token.len() > limits::NEXUS_TOKEN_BYTES {
            return Err(Error::invalid("operation token length exceeds allowed limit").into());
        }
        let outcome = match outcome {
            NexusOutcome::Succeeded(result) => {
                if result.as_ref().map_or(0, Payload::encoded_len) > limits::BLOB_BYTES {
                    return Err(Error::invalid("result exceeds size limit").into());
                }
                Outcome::Completed(result)
            }
            NexusOutcome::Failed(failure) => Outcome::Failed(Box::new(of_nexus(failure, false))),
            NexusOutcome::Canceled(failure) => Outcome::Canceled(Box::new(of_canceled(failure))),
        };
        let change = self.context.change(
            (callback, outcome),
            |executions, (callback, _)| find_operation(executions, callback),
            |transition, (_, outcome), (number, id)| {
                transition
                    .change(number, |run| deliver(run, id, operation_token, (None, Vec::new()), outcome));
                Ok(())
            },
        );
        change.await
    }
}

/// What the caller gets; nothing when the call is not wanted any more.
fn made(
    shard: &Shard,
    number: RunNumber,
    id: i64,
    (kind, attempt): (CallKind, i32),
    callback: &impl Fn(&str) -> Option<String>,
    now: Time,
) -> Result<Option<NexusCall>, NotReady> {
    if !shard.executions.is_readable(number)? {
        return Ok(None);
    }
    let run = shard.executions.get(number).filter(|run| task::is_current(run, id, kind, attempt));
    let Some((run, operation)) = run.and_then(|run| Some((run, run.nexus().get(id)?))) else {
        return Ok(None);
    };
    let scheduled = &operation.scheduled;
    let endpoint = shard.executions.endpoints.find(&scheduled.endpoint_id, &scheduled.endpoint);
    let Some(url) = endpoint.and_then(|endpoint| endpoint.url()) else { return Ok(None) };
    let token = TaskToken::of_nexus(number, run, id, kind, attempt).encode_to_vec().into();
    let callback = callback(&run.identity().namespace).unwrap_or_default();
    let request = task::request(number, run, id, &callback, now);
    Ok(request.map(|request| NexusCall { url: url.to_owned(), request, token }))
}
