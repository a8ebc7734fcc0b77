//! GetWorkflowExecutionHistoryReverse.

use bytes::Bytes;
use host_wire::{
    History,
    temporal::api::workflowservice::v1::{
        GetWorkflowExecutionHistoryReverseRequest, GetWorkflowExecutionHistoryReverseResponse,
    },
};
use tonic::Status;

use crate::{
    api::{
        context::Context,
        history_page::{Page, is_full, page_size},
    },
    error::Error,
    execution::run::Run,
};

pub(crate) async fn handle(
    context: &Context,
    request: GetWorkflowExecutionHistoryReverseRequest,
) -> Result<GetWorkflowExecutionHistoryReverseResponse, Status> {
    let parsed = match &request.next_page_token {
        token if token.is_empty() => None,
        token => Some(Page::parse(token)?),
    };
    let size = page_size(request.maximum_page_size);
    let read = context.read_run(|shard| {
        let page = match &parsed {
            Some(page) => page.clone(),
            None => {
                let number = shard.executions.find(&request.namespace, request.execution.as_ref())?;
                let run = shard.executions.get(number).ok_or_else(Error::completed)?;
                Page { next: run.history().next_event_id() - 1, ..Page::whole(number, run) }
            }
        };
        let run = page.find(&shard.executions, &request.namespace)?;
        Ok((page.run, events_before(run, page, size)))
    });
    let (events, next_page_token) = read.await?;
    Ok(GetWorkflowExecutionHistoryReverseResponse {
        history: Some(History::from_encoded(events)),
        next_page_token,
    })
}

/// Events back from the next of the page, the latest first.
fn events_before(run: &Run, page: Page, size: usize) -> (Vec<Bytes>, Bytes) {
    let all = run.history().events();
    let end = usize::try_from(page.next).unwrap_or_default().min(all.len());
    let mut bytes = 0;
    let mut events = Vec::new();
    for event in all.get(..end).unwrap_or_default().iter().rev() {
        bytes += event.len();
        if is_full(events.len(), size, bytes) {
            break;
        }
        events.push(event.clone());
    }
    let next = page.next - i64::try_from(events.len()).unwrap_or(i64::MAX);
    let token = if next > 0 { Page { next, ..page }.token() } else { Bytes::new() };
    (events, token)
}
