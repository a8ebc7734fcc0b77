//! Pages of a history.

use bytes::Bytes;
use prost::Message;

use crate::{
    error::Error,
    execution::{
        executions::Executions,
        loading::NotReady,
        record::RunNumber,
        run::Run,
        workflow_task::events::{has_unstored_events, unstored_events},
    },
    limits,
};

/// Most events of a page.
const PAGE_EVENTS: usize = 256;

/// A place in a history; `next_page_token` when encoded.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Page {
    #[prost(uint64, tag = "1")]
    pub(crate) run: RunNumber,
    #[prost(string, tag = "2")]
    pub(crate) run_id: String,
    #[prost(int64, tag = "3")]
    pub(crate) next: i64,
    /// The last event of the request; 0: the last that there is.
    #[prost(int64, tag = "4")]
    pub(crate) last: i64,
    /// Whether the made-up events of a transient or speculative task follow the last.
    #[prost(bool, tag = "5")]
    pub(crate) transient: bool,
}

impl Page {
    /// The history that comes with a started workflow task, from this event on.
    pub(crate) fn of_task(number: RunNumber, run: &Run, next: i64) -> Self {
        Self {
            run: number,
            run_id: run.identity().run_id.clone(),
            next,
            last: run.history().next_event_id() - 1,
            transient: run.workflow_tasks().started_task().is_some() && has_unstored_events(run),
        }
    }

    /// The history from its first event, with all that comes.
    pub(crate) fn whole(number: RunNumber, run: &Run) -> Self {
        Self { run: number, run_id: run.identity().run_id.clone(), next: 1, last: 0, transient: false }
    }

    pub(crate) fn parse(token: &Bytes) -> Result<Self, Error> {
        Self::decode(token.clone()).map_err(|_| Error::invalid("Invalid NextPageToken."))
    }

    /// The run, if it is in this namespace and was not deleted since the token was made.
    pub(crate) fn find<'e>(&self, executions: &'e Executions, namespace: &str) -> Result<&'e Run, NotReady> {
        executions.check_namespace(namespace)?;
        let run = executions.run(self.run)?;
        let known =
            run.filter(|run| run.identity().run_id == self.run_id && run.identity().namespace == namespace);
        known.ok_or_else(|| Error::NotFound(format!("workflow run not found: {}", self.run_id)).into())
    }

    /// The token with which a caller gets the rest.
    pub(crate) fn token(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// The events of this page, and the token of the next, which is empty after the last.
    pub(crate) fn read(mut self, run: &Run) -> (Vec<Bytes>, Bytes) {
        let last = if self.last == 0 { run.history().next_event_id() - 1 } else { self.last };
        let (mut events, end) = self.slice(run, last, PAGE_EVENTS);
        if end > last {
            self.add_transient(run, &mut events);
            return (events, Bytes::new());
        }
        self.next = end;
        (events, self.token())
    }

    /// Adds the events of a transient or speculative task, if they follow the last.
    pub(crate) fn add_transient(&self, run: &Run, events: &mut Vec<Bytes>) {
        if self.transient {
            events.extend(unstored_events(run).iter().map(|event| Bytes::from(event.encode_to_vec())));
        }
    }

    /// Events from here to `last`, as many as fit; and the event after them.
    pub(crate) fn slice(&self, run: &Run, last: i64, most: usize) -> (Vec<Bytes>, i64) {
        let index = |id: i64| usize::try_from(id).unwrap_or_default().min(run.history().events().len());
        let from = index(self.next.max(1) - 1);
        let mut bytes = 0;
        let mut events = Vec::new();
        for event in run.history().events().get(from..index(last)).unwrap_or_default() {
            bytes += event.len();
            if is_full(events.len(), most, bytes) {
                break;
            }
            events.push(event.clone());
        }
        let end = i64::try_from(from + events.len()).unwrap_or(i64::MAX - 1) + 1;
        (events, end)
    }
}

/// Whether a page that has these events and bytes of events takes no more.
pub(crate) fn is_full(events: usize, most: usize, bytes: usize) -> bool {
    events == most || events > 0 && bytes > limits::PAGE_BYTES
}

/// The most events of a page for which a request asks.
pub(crate) fn page_size(asked: i32) -> usize {
    usize::try_from(asked).ok().filter(|asked| *asked > 0).unwrap_or(PAGE_EVENTS).min(PAGE_EVENTS)
}
