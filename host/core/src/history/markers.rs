//! Markers as sdk-core writes them: of patches and of local activities.

use std::collections::BTreeMap;

use bytes::Bytes;
use host_wire::{
    marker_name,
    temporal::api::{
        common::v1::{Payload, Payloads},
        enums::v1::EventType,
        failure::v1::Failure,
        history::v1::MarkerRecordedEventAttributes,
    },
};
use prost_types::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::error::Error;

pub(crate) const PATCH_MARKER_NAME: &str = "core_patch";
pub(crate) const LOCAL_ACTIVITY_MARKER_NAME: &str = "core_local_activity";
const PATCH_DETAILS: &str = "patch-data";
const LOCAL_ACTIVITY_DETAILS: &str = "data";
const LOCAL_ACTIVITY_RESULT: &str = "result";
const LOCAL_ACTIVITY_INPUT: &str = "input";

/// The details of a patch marker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PatchData {
    pub(crate) id: String,
    pub(crate) deprecated: bool,
}

/// The details of a local activity's marker, besides its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LocalActivityData {
    pub(crate) seq: u32,
    pub(crate) attempt: u32,
    pub(crate) activity_id: String,
    pub(crate) activity_type: String,
    #[serde(default)]
    complete_time: Option<Moment>,
    #[serde(default)]
    backoff: Option<Moment>,
    #[serde(default)]
    original_schedule_time: Option<Moment>,
    /// The activation of its workflow task in which it was delivered, from 0. Absent in old histories.
    #[serde(default)]
    pub(crate) activation_index: Option<u64>,
}

/// A timestamp or a duration, as its message is written field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Moment {
    seconds: i64,
    nanos: i32,
}

impl LocalActivityData {
    pub(crate) fn new(seq: u32, attempt: u32, activity_id: String, activity_type: String) -> Self {
        Self {
            seq,
            attempt,
            activity_id,
            activity_type,
            complete_time: None,
            backoff: None,
            original_schedule_time: None,
            activation_index: None,
        }
    }

    pub(crate) fn with_times(
        mut self,
        complete_time: Option<Timestamp>,
        backoff: Option<Duration>,
        original_schedule_time: Option<Timestamp>,
    ) -> Self {
        let moment = |time: Timestamp| Moment { seconds: time.seconds, nanos: time.nanos };
        self.complete_time = complete_time.map(moment);
        self.backoff = backoff.map(|Duration { seconds, nanos }| Moment { seconds, nanos });
        self.original_schedule_time = original_schedule_time.map(moment);
        self
    }

    pub(crate) fn complete_time(&self) -> Option<Timestamp> {
        self.complete_time.map(Moment::timestamp)
    }

    pub(crate) fn backoff(&self) -> Option<Duration> {
        self.backoff.map(|Moment { seconds, nanos }| Duration { seconds, nanos })
    }

    pub(crate) fn original_schedule_time(&self) -> Option<Timestamp> {
        self.original_schedule_time.map(Moment::timestamp)
    }
}

impl Moment {
    fn timestamp(self) -> Timestamp {
        Timestamp { seconds: self.seconds, nanos: self.nanos }
    }
}

/// A local activity's marker.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LocalActivityMarker {
    pub(crate) data: LocalActivityData,
    pub(crate) result: Result<Option<Payload>, Failure>,
}

/// A marker that core wrote, this one or sdk-core.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Marker {
    Patch(PatchData),
    LocalActivity(Box<LocalActivityMarker>),
}

impl Marker {
    /// Reads the marker in an event; nothing when the event has none, or one that core did not write.
    ///
    /// # Errors
    ///
    /// When the marker cannot be read.
    pub(crate) fn of(event: &Event) -> Result<Option<Self>, Error> {
        if event.kind() != EventType::MarkerRecorded {
            return Ok(None);
        }
        let is_patch = match event.read(marker_name)? {
            Some(name) if name == PATCH_MARKER_NAME.as_bytes() => true,
            Some(name) if name == LOCAL_ACTIVITY_MARKER_NAME.as_bytes() => false,
            _ => return Ok(None),
        };
        let mut marker: MarkerRecordedEventAttributes = event.attributes()?;
        if is_patch {
            return Ok(patch(&marker.details).map(Self::Patch));
        }
        let Some(data) = json(&marker.details, LOCAL_ACTIVITY_DETAILS) else {
            return Err(event.broken("a local activity's marker cannot be read"));
        };
        let result = match marker.failure {
            Some(failure) => Err(failure),
            None => {
                Ok(marker.details.remove(LOCAL_ACTIVITY_RESULT).and_then(|mut result| result.payloads.pop()))
            }
        };
        Ok(Some(Self::LocalActivity(Box::new(LocalActivityMarker { data, result }))))
    }
}

fn patch(details: &BTreeMap<String, Payloads>) -> Option<PatchData> {
    if details.contains_key(PATCH_DETAILS) {
        return json(details, PATCH_DETAILS);
    }
    // Early versions of sdk-core wrote plain bytes.
    let first = |key| details.get(key).and_then(|it: &Payloads| it.payloads.first());
    Some(PatchData {
        id: std::str::from_utf8(&first("patch_id")?.data).ok()?.to_owned(),
        deprecated: *first("deprecated")?.data.first()? != 0,
    })
}

fn json<T: for<'a> Deserialize<'a>>(details: &BTreeMap<String, Payloads>, key: &str) -> Option<T> {
    serde_json::from_slice(&details.get(key)?.payloads.first()?.data).ok()
}

/// Encodes the details of a patch marker.
pub(crate) fn patch_details(data: &PatchData) -> BTreeMap<String, Payloads> {
    BTreeMap::from([(PATCH_DETAILS.to_owned(), single(json_payload(data)))])
}

/// Encodes the details of a local activity's marker.
pub(crate) fn local_activity_details(
    data: &LocalActivityData,
    result: Option<Payload>,
    input: Option<Vec<Payload>>,
) -> BTreeMap<String, Payloads> {
    let mut details = BTreeMap::from([(LOCAL_ACTIVITY_DETAILS.to_owned(), single(json_payload(data)))]);
    if let Some(result) = result {
        details.insert(LOCAL_ACTIVITY_RESULT.to_owned(), single(result));
    }
    if let Some(payloads) = input {
        details.insert(LOCAL_ACTIVITY_INPUT.to_owned(), Payloads { payloads });
    }
    details
}

/// A payload in JSON.
pub(crate) fn json_payload(value: &impl Serialize) -> Payload {
    Payload {
        metadata: BTreeMap::from([("encoding".to_owned(), Bytes::from_static(b"json/plain"))]),
        data: serde_json::to_vec(value).unwrap_or_default().into(),
        ..Payload::default()
    }
}

fn single(payload: Payload) -> Payloads {
    Payloads { payloads: vec![payload] }
}
