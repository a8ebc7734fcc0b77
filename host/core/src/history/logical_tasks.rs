//! Logical workflow tasks: cuts a history where the workflow was activated.
//!
//! A logical task ends with the `WorkflowTaskStarted` event at which the workflow ran. Attempts that
//! failed or timed out do not end one, nor do heartbeats (completed and scheduled again, with no
//! command in between); the last one ends with the history. An update that was accepted belongs to
//! the task before its sequencing event. sdk-core: `find_end_index_of_next_wft_seq`.
//!
//! Holds the events of the current and of the next logical task. What was fed beyond them stays
//! encoded.

use std::{
    collections::{VecDeque, vec_deque},
    vec,
};

use bytes::Bytes;
use host_wire::{TaskCompletion, accepted_after, temporal::api::enums::v1::EventType};

use super::{event::Event, flags::Flag, task_events};
use crate::error::Error;

/// History that is not applied yet.
#[derive(Debug, Default)]
pub(crate) struct LogicalTasks {
    buffer: Buffer,
    /// The events of the task that was taken last; kept for its allocation.
    taken: Vec<Event>,
    /// The search for the end of the first task in the buffer.
    current: Scan,
    /// The search for the end of the second one.
    next: Scan,
}

/// The outcome of asking for the next logical task.
#[derive(Debug)]
pub(crate) enum Next<'h> {
    /// The task is complete.
    Task(LogicalTask<'h>),
    /// Where it ends is not known before more is fed.
    NeedEvents,
    /// History is at its end.
    Over,
}

/// The events between two activations of the workflow, the last of which starts the workflow task in which
/// it was activated.
#[derive(Debug)]
pub(crate) struct LogicalTask<'h> {
    /// The events of the task itself, in order.
    pub(crate) events: &'h [Event],
    /// The events of the task after it, which say what this one already knew.
    pub(crate) ahead: vec_deque::Iter<'h, Event>,
    /// Whether history ends with it.
    pub(crate) is_last: bool,
    /// The last `WorkflowTaskStarted` event that is followed by `WorkflowTaskCompleted`, among the events
    /// read so far; 0 when there is none.
    pub(crate) completed_started_event_id: i64,
}

impl LogicalTasks {
    /// A workflow task was polled: more history follows. `has_updates` says whether its last events may be
    /// for updates that are not accepted or rejected yet.
    pub(crate) fn reopen(&mut self, has_updates: bool) {
        self.buffer.is_complete = false;
        self.buffer.has_updates = has_updates;
    }

    pub(crate) fn feed(&mut self, events: Vec<Bytes>, last_page: bool) {
        self.buffer.pages.push_back(Page { events: events.into_iter(), is_skipping: true });
        self.buffer.is_complete = last_page;
    }

    /// The next logical task, once the task after it is there as well.
    ///
    /// # Errors
    ///
    /// When the history is broken.
    pub(crate) fn next(&mut self) -> Result<Next<'_>, Error> {
        self.taken.clear();
        let Some(end) = self.current.find_end(&mut self.buffer)? else {
            return Ok(Next::NeedEvents);
        };
        let is_last = match end {
            End::At(index) => {
                if self.next.first <= index {
                    self.next = Scan::starting_at(index + 1);
                }
                let Some(next_end) = self.next.find_end(&mut self.buffer)? else {
                    return Ok(Next::NeedEvents);
                };
                self.taken.extend(self.buffer.events.drain(..=index));
                self.current = std::mem::take(&mut self.next);
                self.current.shift(index + 1);
                next_end == End::OfHistory && self.buffer.events.is_empty()
            }
            // A single event that ends no task is left alone: the service repeats it with the next
            // task, and sdk-core does not look at it before.
            End::OfHistory if self.buffer.events.len() <= 1 => return Ok(Next::Over),
            End::OfHistory => {
                self.taken.extend(self.buffer.events.drain(..));
                self.current.go_on_after(&self.taken);
                true
            }
        };
        Ok(Next::Task(LogicalTask {
            events: &self.taken,
            ahead: self.ahead(),
            is_last,
            completed_started_event_id: self.buffer.completed_started_event_id,
        }))
    }

    /// The events of the task that [`Self::next`] gives next.
    fn ahead(&self) -> vec_deque::Iter<'_, Event> {
        let length = self.buffer.events.len();
        let end = match self.current.end {
            Some(End::At(index)) => length.min(index + 1),
            Some(End::OfHistory) | None => length,
        };
        self.buffer.events.range(..end)
    }
}

/// Events in order. The envelopes of the first are read.
#[derive(Debug, Default)]
struct Buffer {
    events: VecDeque<Event>,
    pages: VecDeque<Page>,
    /// Whether the last page was fed.
    is_complete: bool,
    last_id: i64,
    last_kind: EventType,
    completed_started_event_id: i64,
    has_updates: bool,
    /// [`Flag::TellsHeartbeats`], once the first completed task has told.
    tells_heartbeats: Option<bool>,
}

#[derive(Debug)]
struct Page {
    events: vec::IntoIter<Bytes>,
    /// Whether all events of the page so far are known.
    is_skipping: bool,
}

/// The answer to: which event is at this index?
enum At {
    Event,
    /// History ends before it.
    Nothing,
    /// Its page was not fed yet.
    Unknown,
}

impl Buffer {
    /// Reads events up to an index.
    fn look(&mut self, index: usize) -> Result<At, Error> {
        while self.events.len() <= index {
            let Some(page) = self.pages.front_mut() else {
                return Ok(if self.is_complete { At::Nothing } else { At::Unknown });
            };
            let Some(encoded) = page.events.next() else {
                self.pages.pop_front();
                continue;
            };
            let event = Event::new(encoded, self.last_id)?;
            if page.is_skipping && event.id() <= self.last_id {
                continue;
            }
            page.is_skipping = false;
            if self.last_kind == EventType::WorkflowTaskStarted && !may_follow_started(&event) {
                return Err(event.broken("it follows the start of a workflow task"));
            }
            if event.kind() == EventType::WorkflowTaskCompleted
                && self.last_kind == EventType::WorkflowTaskStarted
            {
                self.completed_started_event_id = self.last_id;
                if self.tells_heartbeats.is_none() {
                    self.tells_heartbeats = Some(tells_heartbeats(&event)?);
                }
            }
            self.last_id = event.id();
            self.last_kind = event.kind();
            self.events.push_back(event);
        }
        Ok(At::Event)
    }
}

/// Whether the first completed task of a run has the flag.
fn tells_heartbeats(event: &Event) -> Result<bool, Error> {
    let metadata = match event.read(TaskCompletion::of)? {
        Some(completion) => task_events::sdk_metadata(event, &completion)?,
        None => None,
    };
    Ok(metadata.is_some_and(|it| it.core_used_flags.contains(&(Flag::TellsHeartbeats as u32))))
}

/// Whether an event can come right after `WorkflowTaskStarted`: all others wait until the task is
/// closed.
fn may_follow_started(event: &Event) -> bool {
    event.worker_may_ignore()
        || matches!(
            event.kind(),
            EventType::WorkflowTaskCompleted
                | EventType::WorkflowTaskFailed
                | EventType::WorkflowTaskTimedOut
                | EventType::WorkflowExecutionTimedOut
                | EventType::WorkflowExecutionTerminated
                | EventType::WorkflowExecutionCanceled
        )
}

/// Where a logical task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With the event at this index.
    At(usize),
    /// With the last event there is.
    OfHistory,
}

/// The search for the end of a logical task. Can be interrupted where history that is needed is not
/// there yet; then nothing is looked at twice.
#[derive(Debug, Default)]
struct Scan {
    /// Index of the task's first event.
    first: usize,
    /// Index of the event to be looked at.
    at: usize,
    end: Option<End>,
    saw_command: bool,
    saw_command_or_start: bool,
    /// `WorkflowTaskStarted` events that did not end the task, other than failed attempts: id and
    /// index.
    passed: Vec<(i64, usize)>,
}

impl Scan {
    fn starting_at(index: usize) -> Self {
        Self { first: index, at: index, ..Self::default() }
    }

    /// The buffer lost this many events at its front.
    fn shift(&mut self, count: usize) {
        self.first -= count;
        self.at -= count;
        if let Some(End::At(index)) = &mut self.end {
            *index -= count;
        }
        for (_, index) in &mut self.passed {
            *index -= count;
        }
    }

    /// All events were taken although the task has no end: what follows belongs to it still, unless
    /// it ended by chance where history did.
    fn go_on_after(&mut self, taken: &[Event]) {
        let ended = taken.last().is_some_and(|event| event.kind() == EventType::WorkflowTaskStarted);
        *self = Self {
            saw_command: !ended && self.saw_command,
            saw_command_or_start: !ended && self.saw_command_or_start,
            ..Self::default()
        };
    }

    /// Nothing when more history is needed.
    fn find_end(&mut self, buffer: &mut Buffer) -> Result<Option<End>, Error> {
        // Where history ended, it may go on since.
        if matches!(self.end, Some(End::At(_))) {
            return Ok(self.end);
        }
        self.end = None;
        while self.end.is_none() {
            match buffer.look(self.at)? {
                At::Event => {}
                At::Nothing => {
                    self.end = Some(End::OfHistory);
                    break;
                }
                At::Unknown => return Ok(None),
            }
            let Some(end) = self.look_at_event(buffer)? else {
                return Ok(None);
            };
            self.end = end.map(End::At);
            self.at += 1;
        }
        Ok(self.end)
    }

    /// Looks at one event: where the task ends, if it says so. The outer option is empty when more
    /// history is needed to tell.
    fn look_at_event(&mut self, buffer: &mut Buffer) -> Result<Option<Option<usize>>, Error> {
        let index = self.at;
        let event = &buffer.events[index];
        let (id, kind) = (event.id(), event.kind());
        if event.is_final() {
            return Ok(Some(Some(index)));
        }
        if kind == EventType::WorkflowTaskStarted {
            return self.look_at_started(id, buffer);
        }
        if event.is_command() {
            self.saw_command = true;
            self.saw_command_or_start = true;
        }
        if kind == EventType::WorkflowExecutionStarted {
            self.saw_command_or_start = true;
        }
        Ok(Some(None))
    }

    fn look_at_started(&mut self, id: i64, buffer: &mut Buffer) -> Result<Option<Option<usize>>, Error> {
        let index = self.at;
        let ends_here = self.saw_command_or_start.then_some(index);
        match buffer.look(index + 1)? {
            At::Event => {}
            At::Nothing => return Ok(Some(ends_here)),
            At::Unknown => return Ok(None),
        }
        match buffer.events[index + 1].kind() {
            EventType::WorkflowTaskFailed
            | EventType::WorkflowTaskTimedOut
            | EventType::WorkflowExecutionTimedOut
            | EventType::WorkflowExecutionTerminated
            | EventType::WorkflowExecutionCanceled => Ok(Some(None)),
            EventType::WorkflowTaskCompleted if buffer.tells_heartbeats == Some(true) => {
                self.tell_heartbeat(buffer)
            }
            EventType::WorkflowTaskCompleted => {
                match buffer.look(index + 2)? {
                    At::Event => {}
                    At::Nothing => return Ok(Some(ends_here)),
                    At::Unknown => return Ok(None),
                }
                let following = &buffer.events[index + 2];
                if !self.saw_command && following.kind() == EventType::WorkflowTaskScheduled {
                    self.passed.push((id, index));
                    return Ok(Some(None));
                }
                if let Some(sequencing) = following.read(accepted_after)? {
                    let task_of_update = std::iter::once((id, index))
                        .chain(self.passed.iter().rev().copied())
                        .find(|(started, _)| *started < sequencing);
                    if let Some((_, index)) = task_of_update {
                        return Ok(Some(Some(index)));
                    }
                }
                Ok(Some(Some(index)))
            }
            _ => {
                self.passed.push((id, index));
                Ok(Some(ends_here))
            }
        }
    }

    /// Whether a task that was started and completed was a heartbeat: scheduled again at once, with
    /// no command before, and with nothing that says that the workflow ran then.
    fn tell_heartbeat(&self, buffer: &mut Buffer) -> Result<Option<Option<usize>>, Error> {
        let index = self.at;
        let kind_at = |buffer: &mut Buffer, index: usize| {
            Ok(match buffer.look(index)? {
                At::Event => Some(Some(buffer.events[index].kind())),
                At::Nothing => Some(None),
                At::Unknown => None,
            })
        };
        let ends_here = Ok(Some(Some(index)));
        for (offset, expected) in [
            (2, EventType::WorkflowTaskScheduled),
            (3, EventType::WorkflowTaskStarted),
            (4, EventType::WorkflowTaskCompleted),
        ] {
            match kind_at(buffer, index + offset)? {
                None => return Ok(None),
                Some(None) if offset == 4 && !buffer.has_updates => return Ok(Some(Some(index + 3))),
                Some(Some(kind)) if kind == expected && !self.saw_command => {}
                Some(_) => return ends_here,
            }
        }
        match kind_at(buffer, index + 5)? {
            None => Ok(None),
            Some(None) => Ok(Some(Some(index + 3))),
            Some(Some(EventType::WorkflowExecutionUpdateAccepted)) => ends_here,
            Some(Some(_)) => Ok(Some(None)),
        }
    }
}
