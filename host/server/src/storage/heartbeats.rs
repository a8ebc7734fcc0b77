//! Details of heartbeats are large and do not live long: once a later one is stored, or the activity is closed, they
//! are removed from the records of `runs.sqlite`. The record stays, so that a run reads back as it was.
//!
//! Which heartbeats are in the file is remembered from the start of the process. What an earlier one wrote stays until
//! the run is deleted: one heartbeat of each activity that was open then.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use host_wire::EventAttributes;
use prost::Message;
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    entity::{Entity, EntityKind},
    execution::record::RunNumber,
    storage::{
        changes::{Changes, Row},
        entry::{self, Position, RunBody},
        stored_record::StoredRecord,
    },
};

/// Bytes of a record from which it is looked at for a heartbeat.
const LARGE_BYTES: usize = 4 * 1024;
/// Most runs with heartbeats that are remembered. With more, all are forgotten and stay in the file.
const REMEMBERED_RUNS: usize = 100_000;

const READ: &str = "SELECT records FROM records WHERE kind = ?1 AND number = ?2 AND position = ?3";
const WRITE: &str = "UPDATE records SET records = ?4 WHERE kind = ?1 AND number = ?2 AND position = ?3";

/// The rows that have the last large heartbeat of each open activity, by the id of its scheduled event.
#[derive(Debug, Default)]
pub(super) struct Heartbeats(HashMap<RunNumber, BTreeMap<i64, Position>>);

/// A heartbeat whose details are not needed any more.
#[derive(Debug)]
pub(super) struct Superseded {
    run: RunNumber,
    scheduled_event_id: i64,
    /// The row that has it.
    position: Position,
}

/// Whether a record, which may be damaged, has a large heartbeat.
pub(super) fn has_heartbeat(record: &Bytes) -> bool {
    record.len() >= LARGE_BYTES
        && body(record)
            .is_some_and(|(_, mut body)| body.facts.iter_mut().any(|fact| fact.heartbeat_mut().is_some()))
}

fn body(record: &Bytes) -> Option<(Position, RunBody)> {
    let checked = StoredRecord::check(record.clone()).ok()?;
    if checked.entity.kind != EntityKind::Run {
        return None;
    }
    Some((checked.position, RunBody::decode(checked.body).ok()?))
}

impl Heartbeats {
    /// Remembers the heartbeats of changes; answers those that they supersede.
    pub(super) fn take(&mut self, changes: &Changes) -> Vec<Superseded> {
        if self.0.len() > REMEMBERED_RUNS {
            self.0.clear();
        }
        let mut superseded = Vec::new();
        for (entity, rows) in changes.rows().filter(|(entity, _)| entity.kind == EntityKind::Run) {
            for row in rows.iter() {
                if row.has_heartbeat || self.0.contains_key(&entity.number) {
                    self.take_row(entity.number, row, &mut superseded);
                }
            }
        }
        superseded
    }

    fn take_row(&mut self, run: RunNumber, row: &Row, superseded: &mut Vec<Superseded>) {
        let of_run = self.0.entry(run).or_default();
        let mut supersede = |scheduled_event_id: i64, position: Position| {
            superseded.push(Superseded { run, scheduled_event_id, position });
        };
        let records = entry::split(&Bytes::copy_from_slice(&row.records)).unwrap_or_default();
        let facts = records.iter().filter_map(body).flat_map(|(_, body)| body.facts);
        for mut fact in facts {
            if let Some(heartbeat) = fact.heartbeat_mut() {
                let id = heartbeat.scheduled_event_id;
                let before = match heartbeat.encoded_len() {
                    LARGE_BYTES.. => of_run.insert(id, row.first),
                    _ => of_run.remove(&id),
                };
                if let Some(position) = before.filter(|position| *position != row.first) {
                    supersede(id, position);
                }
            } else if let Some(closed) = fact.event().and_then(|event| closed(&event.attributes?)) {
                match closed {
                    Closed::Activity(id) => {
                        if let Some(position) = of_run.remove(&id) {
                            supersede(id, position);
                        }
                    }
                    Closed::Run => std::mem::take(of_run).into_iter().for_each(|(id, at)| supersede(id, at)),
                }
            }
        }
        if of_run.is_empty() {
            self.0.remove(&run);
        }
    }
}

enum Closed {
    Activity(i64),
    Run,
}

fn closed(attributes: &EventAttributes) -> Option<Closed> {
    use EventAttributes as A;
    Some(match attributes {
        A::ActivityTaskCompletedEventAttributes(a) => Closed::Activity(a.scheduled_event_id),
        A::ActivityTaskFailedEventAttributes(a) => Closed::Activity(a.scheduled_event_id),
        A::ActivityTaskTimedOutEventAttributes(a) => Closed::Activity(a.scheduled_event_id),
        A::ActivityTaskCanceledEventAttributes(a) => Closed::Activity(a.scheduled_event_id),
        A::WorkflowExecutionCompletedEventAttributes(_)
        | A::WorkflowExecutionFailedEventAttributes(_)
        | A::WorkflowExecutionTimedOutEventAttributes(_)
        | A::WorkflowExecutionCanceledEventAttributes(_)
        | A::WorkflowExecutionTerminatedEventAttributes(_)
        | A::WorkflowExecutionContinuedAsNewEventAttributes(_) => Closed::Run,
        _ => return None,
    })
}

impl Superseded {
    /// Removes the details, within the transaction that the connection is in. A row that was deleted, or that is
    /// damaged, stays as it is.
    pub(super) fn remove(&self, connection: &Connection) -> rusqlite::Result<()> {
        let (kind, number) = (EntityKind::Run.number(), self.run.cast_signed());
        let key = params![kind, number, self.position.cast_signed()];
        let row =
            connection.prepare_cached(READ)?.query_row(key, |row| row.get::<_, Vec<u8>>(0)).optional()?;
        let Some(smaller) = row.and_then(|row| self.without(row.into())) else { return Ok(()) };
        let row = params![kind, number, self.position.cast_signed(), smaller];
        connection.prepare_cached(WRITE)?.execute(row).map(|_| ())
    }

    fn without(&self, row: Bytes) -> Option<Vec<u8>> {
        let mut smaller = Vec::new();
        for record in entry::split(&row).ok()? {
            let (position, mut body) = body(&record)?;
            let heartbeats = body.facts.iter_mut().filter_map(|fact| fact.heartbeat_mut());
            for heartbeat in heartbeats.filter(|it| it.scheduled_event_id == self.scheduled_event_id) {
                heartbeat.details = None;
            }
            let record = StoredRecord::new(Entity::run(self.run), position, body.encode_to_vec().into());
            prost::encoding::bytes::encode(1, &record.encode_to_vec(), &mut smaller);
        }
        Some(smaller)
    }
}
