//! From where the history of a polled task comes: what came with the poll, then pages that have to be
//! fetched.
//!
//! Decides only; `task` sends the requests. A task that starts where the run ends
//! goes on with its own pages. Anything else, a gap or a run that is not cached, is fetched from
//! event 1, and the polled events are appended: the service may have put transient ones there, which
//! no other call returns.

use bytes::Bytes;
use host_wire::{History, RawEvent, temporal::api::workflowservice::v1::PollWorkflowTaskQueueResponse};
use prost::DecodeError;

/// The first event of every run.
const FIRST_EVENT_ID: i64 = 1;

/// What is still to be fed to a run before it has its task's history.
#[derive(Debug)]
pub(crate) struct HistorySource {
    /// The highest event id that the run has.
    known: i64,
    /// The task's `WorkflowTaskStarted` event; later events belong to other tasks. 0: no bound.
    until: i64,
    next: Next,
}

#[derive(Debug)]
enum Next {
    /// Events that came with the poll, and where the next page begins.
    Polled { events: Vec<RawEvent>, next_page_token: Bytes },
    /// A page has to be fetched; after the last one, `tail`.
    Page { token: Bytes, tail: Vec<RawEvent> },
    /// All is fed.
    End,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub(crate) enum Supply {
    /// Feed these.
    Events(Events),
    /// Fetch the page that begins at this token (empty: the first), and hand it to
    /// [`HistorySource::fetched`].
    Fetch(Bytes),
}

/// Events to be fed in one go.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Events {
    /// Encoded `HistoryEvent` messages.
    pub(crate) events: Vec<Bytes>,
    /// Whether they are the last ones of the task.
    pub(crate) last_page: bool,
}

/// What came with a poll.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolledHistory {
    events: Vec<RawEvent>,
    next_page_token: Bytes,
    started_event_id: i64,
}

impl PolledHistory {
    pub(crate) fn of(task: &PollWorkflowTaskQueueResponse) -> Result<Self, DecodeError> {
        Self::new(task.history.clone(), task.next_page_token.clone(), task.started_event_id)
    }

    fn new(
        history: Option<History>,
        next_page_token: Bytes,
        started_event_id: i64,
    ) -> Result<Self, DecodeError> {
        let encoded = history.map(History::into_encoded).unwrap_or_default();
        let events = encoded.into_iter().map(RawEvent::new).collect::<Result<_, _>>()?;
        Ok(Self { events, next_page_token, started_event_id })
    }

    /// The whole history of the run, or nothing when it was not polled as a whole.
    pub(crate) fn whole_history(&self) -> Option<&[RawEvent]> {
        let complete = self.begins_after(0) && self.next_page_token.is_empty();
        complete.then_some(self.events.as_slice())
    }

    /// The events, each with its id, and whether more follow on other pages.
    pub(crate) fn into_events(self) -> (Vec<(i64, Bytes)>, bool) {
        let has_more = !self.next_page_token.is_empty();
        let event = |event: RawEvent| (event.event_id(), event.encoded().clone());
        (self.events.into_iter().map(event).collect(), has_more)
    }

    /// Whether the events go on where a run that has `known` events ends. Those of a query on its own
    /// always do: there are none, because nothing is new.
    pub(crate) fn begins_after(&self, known: i64) -> bool {
        match self.events.first() {
            Some(first) => first.event_id() <= known + 1,
            None => known > 0 && self.started_event_id == 0,
        }
    }
}

impl HistorySource {
    /// For a run that has the events up to `known`, 0 if it is new. The events must go on there,
    /// except for a new run.
    pub(crate) fn new(known: i64, polled: &PolledHistory) -> Self {
        let PolledHistory { events, next_page_token, started_event_id } = polled.clone();
        let next = if polled.begins_after(known) {
            Next::Polled { events, next_page_token }
        } else {
            Next::Page { token: Bytes::new(), tail: events }
        };
        Self { known, until: started_event_id, next }
    }

    /// The highest event id that has been given out.
    pub(crate) fn known(&self) -> i64 {
        self.known
    }

    /// What to do next. Nothing, once the last page has been given out.
    pub(crate) fn supply(&mut self) -> Option<Supply> {
        match std::mem::replace(&mut self.next, Next::End) {
            Next::End => None,
            Next::Polled { events, next_page_token } => {
                Some(Supply::Events(self.page(events, next_page_token, Vec::new())))
            }
            Next::Page { token, tail } => {
                self.next = Next::Page { token: token.clone(), tail };
                Some(Supply::Fetch(token))
            }
        }
    }

    /// A page that [`Supply::Fetch`] asked for.
    pub(crate) fn fetched(
        &mut self,
        history: Option<History>,
        next_page_token: Bytes,
    ) -> Result<Events, DecodeError> {
        let tail = match std::mem::replace(&mut self.next, Next::End) {
            Next::Page { tail, .. } => tail,
            Next::Polled { .. } | Next::End => Vec::new(),
        };
        let encoded = history.map(History::into_encoded).unwrap_or_default();
        let events = encoded.into_iter().map(RawEvent::new).collect::<Result<_, _>>()?;
        Ok(self.page(events, next_page_token, tail))
    }

    fn page(&mut self, events: Vec<RawEvent>, token: Bytes, tail: Vec<RawEvent>) -> Events {
        let mut page = self.unknown(events);
        let at_end = token.is_empty() || (self.until > 0 && self.known >= self.until);
        if at_end {
            page.extend(self.unknown(tail));
        } else {
            self.next = Next::Page { token, tail };
        }
        Events { events: page, last_page: at_end }
    }

    /// Drops what the run has, and what follows on the task.
    fn unknown(&mut self, events: Vec<RawEvent>) -> Vec<Bytes> {
        let mut fresh = Vec::with_capacity(events.len());
        for event in events {
            let id = event.event_id();
            let wanted = id.max(FIRST_EVENT_ID) > self.known && (self.until == 0 || id <= self.until);
            if wanted {
                self.known = id;
                fresh.push(event.encoded().clone());
            }
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use host_wire::temporal::api::history::v1::HistoryEvent;

    use super::*;

    fn history(ids: RangeInclusive<i64>) -> History {
        ids.map(|event_id| HistoryEvent { event_id, ..HistoryEvent::default() }).collect()
    }

    fn ids(events: &Events) -> Vec<i64> {
        let id = |event: &Bytes| RawEvent::new(event.clone()).unwrap().event_id();
        events.events.iter().map(id).collect()
    }

    /// Plays a poll and the service's pages, of which each but the last has a token; compares what is
    /// fed, page by page, the last in brackets.
    fn check(
        known: i64,
        polled: (RangeInclusive<i64>, bool),
        started_event_id: i64,
        pages: &[RangeInclusive<i64>],
        expected: &str,
    ) {
        let (events, has_more) = polled;
        let token = |more: bool| Bytes::from_static(if more { b"more" } else { b"" });
        let polled = PolledHistory::new(Some(history(events)), token(has_more), started_event_id).unwrap();
        let mut source = HistorySource::new(known, &polled);
        let mut pages = pages.iter();
        let mut fed = Vec::new();
        while let Some(supply) = source.supply() {
            let events = match supply {
                Supply::Events(events) => events,
                Supply::Fetch(_) => {
                    let page = pages.next().unwrap().clone();
                    source.fetched(Some(history(page)), token(pages.len() > 0)).unwrap()
                }
            };
            let ids = format!("{:?}", ids(&events));
            fed.push(if events.last_page { ids } else { ids.replace(['[', ']'], "") });
        }
        assert_eq!(fed.join(" / "), expected);
    }

    #[test]
    fn a_task_that_goes_on_where_the_run_ends() {
        check(0, (1..=3, false), 3, &[], "[1, 2, 3]");
        check(3, (4..=6, false), 6, &[], "[4, 5, 6]");
        check(3, (4..=5, true), 8, &[6..=7, 8..=8], "4, 5 / 6, 7 / [8]");
        check(0, (1..=2, true), 3, &[3..=3], "1, 2 / [3]");
    }

    #[test]
    fn known_events_are_dropped() {
        check(3, (1..=6, false), 6, &[], "[4, 5, 6]");
        check(5, (1..=2, true), 6, &[3..=4, 5..=6], " /  / [6]");
    }

    #[test]
    fn a_missing_run_is_fetched_from_the_start() {
        check(0, (7..=9, false), 9, &[1..=4, 5..=9], "1, 2, 3, 4 / [5, 6, 7, 8, 9]");
        // Transient events are only in the poll.
        check(0, (7..=9, false), 9, &[1..=4, 5..=7], "1, 2, 3, 4 / [5, 6, 7, 8, 9]");
        // The poll had more pages of its own; the fetched ones have them all.
        check(0, (5..=6, true), 9, &[1..=9], "[1, 2, 3, 4, 5, 6, 7, 8, 9]");
        // Pages may go past the task, and an empty one may be last.
        check(0, (7..=9, false), 9, &[1..=12], "[1, 2, 3, 4, 5, 6, 7, 8, 9]");
        check(0, (1..=8, true), 9, &[9..=9, 10..=12], "1, 2, 3, 4, 5, 6, 7, 8 / [9]");
    }

    #[test]
    fn a_query_on_its_own_has_no_end_but_the_last_page() {
        check(0, (RangeInclusive::new(1, 0), false), 0, &[1..=4, 5..=6], "1, 2, 3, 4 / [5, 6]");
        check(6, (RangeInclusive::new(1, 0), false), 0, &[], "[]");
    }
}
