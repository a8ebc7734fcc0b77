//! Histories: pages, waiting for more, backwards.

use bytes::Bytes;
use host_wire::{
    History,
    temporal::api::{
        enums::v1::HistoryEventFilterType,
        workflowservice::v1::{
            GetWorkflowExecutionHistoryRequest, GetWorkflowExecutionHistoryResponse,
            GetWorkflowExecutionHistoryReverseRequest, GetWorkflowExecutionHistoryReverseResponse,
        },
    },
};
use prost::Message;
use tokio::time::{Instant, sleep_until};
use tonic::{Request, Status};

use crate::{
    api::{LONG_CALL, Service},
    error::Error,
    execution::{record::RunNumber, run::Run},
};

/// Most events of a page.
const PAGE_EVENTS: usize = 256;
/// Bytes after which a page ends, so that it stays below what gRPC clients accept.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Where a caller is in a history; also what it sends back to get more.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Page {
    #[prost(uint64, tag = "1")]
    run: RunNumber,
    #[prost(string, tag = "2")]
    run_id: String,
    #[prost(int64, tag = "3")]
    next: i64,
    /// The last event that belongs to what was asked for; 0: whatever there is.
    #[prost(int64, tag = "4")]
    last: i64,
    /// Whether the made-up events of a transient task follow the last.
    #[prost(bool, tag = "5")]
    transient: bool,
}

impl Page {
    /// The history that comes with a started workflow task, from this event on.
    pub(crate) fn of_task(number: RunNumber, run: &Run, next: i64) -> Self {
        Self {
            run: number,
            run_id: run.identity.run_id.clone(),
            next,
            last: run.next_event_id() - 1,
            transient: run.started_task().is_some_and(|(task, _)| task.is_transient()),
        }
    }

    fn whole(number: RunNumber, run: &Run) -> Self {
        Self { run: number, run_id: run.identity.run_id.clone(), next: 1, last: 0, transient: false }
    }

    fn parse(token: &Bytes) -> Result<Self, Error> {
        Self::decode(token.clone()).map_err(|_| Error::invalid("Invalid NextPageToken."))
    }

    /// The events of this page, and the token of the next, which is empty after the last.
    pub(crate) fn read(mut self, run: &Run) -> (Vec<Bytes>, Bytes) {
        let last = if self.last == 0 { run.next_event_id() - 1 } else { self.last };
        let (mut events, end) = self.slice(run, last, PAGE_EVENTS);
        if end > last {
            if self.transient {
                events.extend(run.transient_events().iter().map(|event| Bytes::from(event.encode_to_vec())));
            }
            return (events, Bytes::new());
        }
        self.next = end;
        (events, self.encode_to_vec().into())
    }

    /// Events from here to `last`, as many as fit; and the event after them.
    fn slice(&self, run: &Run, last: i64, most: usize) -> (Vec<Bytes>, i64) {
        let index = |id: i64| usize::try_from(id).unwrap_or_default().min(run.history.len());
        let from = index(self.next.max(1) - 1);
        let mut bytes = 0;
        let mut events = Vec::new();
        for event in run.history.get(from..index(last)).unwrap_or_default() {
            bytes += event.len();
            if events.len() == most || !events.is_empty() && bytes > PAGE_BYTES {
                break;
            }
            events.push(event.clone());
        }
        let end = i64::try_from(from + events.len()).unwrap_or(i64::MAX - 1) + 1;
        (events, end)
    }
}

fn page_size(asked: i32) -> usize {
    usize::try_from(asked).ok().filter(|asked| *asked > 0).unwrap_or(PAGE_EVENTS).min(PAGE_EVENTS)
}

impl Service {
    pub(crate) async fn history(
        &self,
        request: Request<GetWorkflowExecutionHistoryRequest>,
    ) -> Result<GetWorkflowExecutionHistoryResponse, Status> {
        let until = Self::answer_by(&request, LONG_CALL);
        let request = request.into_inner();
        let page = self.page(&request)?;
        if request.history_event_filter_type() == HistoryEventFilterType::CloseEvent {
            return self.closing_event(page, request.wait_new_event, until).await;
        }
        if request.wait_new_event {
            self.wait_for(page.run, until, |run| !run.is_open() || page.next < run.next_event_id()).await?;
        }
        self.run_on_disk(page.run).await?;
        let shard = self.lock();
        let Some(run) = shard.executions.run(page.run) else { return Err(gone(&page)) };
        let bounded = page.last != 0;
        let waits = request.wait_new_event && run.is_open() && !bounded;
        let last = if bounded { page.last } else { run.next_event_id() - 1 };
        let (mut events, end) = page.slice(run, last, page_size(request.maximum_page_size));
        let more = end <= last;
        if !more && page.transient {
            events.extend(run.transient_events().iter().map(|event| Bytes::from(event.encode_to_vec())));
        }
        let next_page_token =
            if more || waits { Page { next: end, ..page }.encode_to_vec().into() } else { Bytes::new() };
        Ok(GetWorkflowExecutionHistoryResponse {
            history: Some(History::from_encoded(events)),
            next_page_token,
            ..Default::default()
        })
    }

    fn page(&self, request: &GetWorkflowExecutionHistoryRequest) -> Result<Page, Status> {
        let shard = self.lock();
        if request.next_page_token.is_empty() {
            let number = shard.executions.find(&request.namespace, request.execution.as_ref())?;
            let run = shard.executions.run(number).ok_or_else(Error::completed)?;
            return Ok(Page::whole(number, run));
        }
        let page = Page::parse(&request.next_page_token)?;
        shard.executions.check_namespace(&request.namespace)?;
        let known = shard.executions.run(page.run).is_some_and(|run| {
            run.identity.run_id == page.run_id && run.identity.namespace == request.namespace
        });
        if known { Ok(page) } else { Err(gone(&page)) }
    }

    async fn closing_event(
        &self,
        page: Page,
        wait: bool,
        until: Instant,
    ) -> Result<GetWorkflowExecutionHistoryResponse, Status> {
        if wait {
            self.wait_for(page.run, until, |run| !run.is_open()).await?;
        }
        self.run_on_disk(page.run).await?;
        let shard = self.lock();
        let Some(run) = shard.executions.run(page.run) else { return Err(gone(&page)) };
        let (events, next_page_token) = if wait && run.is_open() {
            (Vec::new(), page.encode_to_vec().into())
        } else {
            (run.history.last().cloned().into_iter().collect(), Bytes::new())
        };
        Ok(GetWorkflowExecutionHistoryResponse {
            history: Some(History::from_encoded(events)),
            next_page_token,
            ..Default::default()
        })
    }

    /// Waits until something is true of a run, or until it is time to answer.
    pub(crate) async fn wait_for(
        &self,
        number: RunNumber,
        until: Instant,
        mut reached: impl FnMut(&Run) -> bool,
    ) -> Result<bool, Status> {
        let watcher = self.lock().watch(number);
        loop {
            let mut changed = std::pin::pin!(watcher.notified());
            changed.as_mut().enable();
            let is_reached = self.lock().executions.run(number).is_none_or(&mut reached);
            if is_reached {
                return Ok(true);
            }
            tokio::select! {
                biased;
                () = changed => {}
                () = sleep_until(until) => return Ok(false),
                () = self.closed() => return Err(Status::unavailable("the service is shutting down")),
            }
        }
    }

    pub(crate) async fn history_reverse(
        &self,
        request: GetWorkflowExecutionHistoryReverseRequest,
    ) -> Result<GetWorkflowExecutionHistoryReverseResponse, Status> {
        let page = {
            let shard = self.lock();
            if request.next_page_token.is_empty() {
                let number = shard.executions.find(&request.namespace, request.execution.as_ref())?;
                let run = shard.executions.run(number).ok_or_else(Error::completed)?;
                Page { next: run.next_event_id() - 1, ..Page::whole(number, run) }
            } else {
                shard.executions.check_namespace(&request.namespace)?;
                Page::parse(&request.next_page_token)?
            }
        };
        self.run_on_disk(page.run).await?;
        let shard = self.lock();
        let found = shard
            .executions
            .run(page.run)
            .filter(|run| run.identity.run_id == page.run_id && run.identity.namespace == request.namespace);
        let Some(run) = found else { return Err(gone(&page)) };
        let end = usize::try_from(page.next).unwrap_or_default().min(run.history.len());
        let mut bytes = 0;
        let mut events = Vec::new();
        for event in run.history.get(..end).unwrap_or_default().iter().rev() {
            bytes += event.len();
            if events.len() == page_size(request.maximum_page_size)
                || !events.is_empty() && bytes > PAGE_BYTES
            {
                break;
            }
            events.push(event.clone());
        }
        let next = page.next - i64::try_from(events.len()).unwrap_or(i64::MAX);
        let next_page_token =
            if next > 0 { Page { next, ..page }.encode_to_vec().into() } else { Bytes::new() };
        Ok(GetWorkflowExecutionHistoryReverseResponse {
            history: Some(History::from_encoded(events)),
            next_page_token,
        })
    }
}

fn gone(page: &Page) -> Status {
    Error::NotFound(format!("workflow run not found: {}", page.run_id)).into()
}
