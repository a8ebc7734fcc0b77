//! GetWorkflowExecutionHistory: pages, waiting for more, the closing event alone.

use bytes::Bytes;
use host_wire::{
    History,
    temporal::api::{
        enums::v1::HistoryEventFilterType,
        workflowservice::v1::{GetWorkflowExecutionHistoryRequest, GetWorkflowExecutionHistoryResponse},
    },
};
use tonic::{Request, Status};

use crate::{
    api::{
        context::Context,
        deadline::{LONG_CALL, answer_by},
        history_page::{Page, page_size},
    },
    error::Error,
    execution::run::Run,
};

pub(crate) async fn handle(
    context: &Context,
    request: Request<GetWorkflowExecutionHistoryRequest>,
) -> Result<GetWorkflowExecutionHistoryResponse, Status> {
    let until = answer_by(&request, LONG_CALL);
    let request = request.into_inner();
    let page = page(context, &request).await?;
    let waits = request.wait_new_event;
    if request.history_event_filter_type() == HistoryEventFilterType::CloseEvent {
        if waits {
            context.wait_for(page.run, until, |run| !run.is_open()).await?;
        }
        return read(context, &request, &page, |run| closing_event(run, &page, waits)).await;
    }
    if waits {
        let news = |run: &Run| !run.is_open() || page.next < run.history().next_event_id();
        context.wait_for(page.run, until, news).await?;
    }
    let size = page_size(request.maximum_page_size);
    read(context, &request, &page, |run| events(run, &page, size, waits)).await
}

/// The place that the token names, or the first event.
async fn page(context: &Context, request: &GetWorkflowExecutionHistoryRequest) -> Result<Page, Status> {
    let parsed = match &request.next_page_token {
        token if token.is_empty() => None,
        token => Some(Page::parse(token)?),
    };
    context
        .read(|shard| match &parsed {
            Some(page) => page.find(&shard.executions, &request.namespace).map(|_| page.clone()),
            None => {
                let number = shard.executions.find(&request.namespace, request.execution.as_ref())?;
                let run = shard.executions.get(number).ok_or_else(Error::completed)?;
                Ok(Page::whole(number, run))
            }
        })
        .await
}

async fn read(
    context: &Context,
    request: &GetWorkflowExecutionHistoryRequest,
    page: &Page,
    read: impl Fn(&Run) -> (Vec<Bytes>, Bytes),
) -> Result<GetWorkflowExecutionHistoryResponse, Status> {
    let read = context.read_run(|shard| {
        let run = page.find(&shard.executions, &request.namespace)?;
        Ok((page.run, read(run)))
    });
    let (events, next_page_token) = read.await?;
    Ok(GetWorkflowExecutionHistoryResponse {
        history: Some(History::from_encoded(events)),
        next_page_token,
        ..Default::default()
    })
}

/// A page of events. A caller that waits for more gets a token as long as the run is open.
fn events(run: &Run, page: &Page, size: usize, wait_new_event: bool) -> (Vec<Bytes>, Bytes) {
    let bounded = page.last != 0;
    let waits = wait_new_event && run.is_open() && !bounded;
    let last = if bounded { page.last } else { run.history().next_event_id() - 1 };
    let (mut events, end) = page.slice(run, last, size);
    let more = end <= last;
    if !more {
        page.add_transient(run, &mut events);
    }
    let token = if more || waits { Page { next: end, ..page.clone() }.token() } else { Bytes::new() };
    (events, token)
}

/// The last event; nothing while a caller that waits for the end has to go on waiting.
fn closing_event(run: &Run, page: &Page, wait_new_event: bool) -> (Vec<Bytes>, Bytes) {
    if wait_new_event && run.is_open() {
        (Vec::new(), page.token())
    } else {
        (run.history().events().last().cloned().into_iter().collect(), Bytes::new())
    }
}
