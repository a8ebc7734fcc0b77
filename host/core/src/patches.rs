//! Patches: which path of a change a run takes, and the markers that record it.

use std::collections::BTreeMap;

use bytes::Bytes;
use host_wire::temporal::api::{
    command::v1::{RecordMarkerCommandAttributes, command::Attributes},
    common::v1::SearchAttributes,
    enums::v1::EventType,
    history::v1::UpsertWorkflowSearchAttributesEventAttributes,
    sdk::v1::UserMetadata,
};

use crate::{
    error::Error,
    event::{Event, tag},
    markers::{self, Marker, PatchData},
    operations::{Progress, unexpected},
};

/// The search attribute that lists a run's patches.
pub(crate) const CHANGE_VERSION: &str = "TemporalChangeVersion";
/// What the service takes for the value of a search attribute, by default. A longer list of patches is
/// not upserted.
const MAX_SEARCH_ATTRIBUTE_BYTES: usize = 2048;

/// What a run has decided about changes: the host's half of the import `patched`.
///
/// Belongs with the guest, not with the [`Run`](crate::Run): it is filled as the guest runs, and made
/// anew when the guest is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patches {
    decided: BTreeMap<String, bool>,
}

impl Patches {
    /// Takes [`Activation::patches`](crate::Activation::patches), before the guest runs.
    pub fn announce(&mut self, patches: &[String]) {
        for patch_id in patches {
            self.decided.insert(patch_id.clone(), true);
        }
    }

    /// Which path the run takes: true for the new one. When it is true, a
    /// [`SetPatchMarker`](crate::Command::SetPatchMarker) belongs among the commands. A run that
    /// passed here before the change was made, which shows in replay, keeps the old path for ever.
    pub fn patched(&mut self, patch_id: &str, deprecated: bool, is_replaying: bool) -> bool {
        if deprecated {
            return true;
        }
        if let Some(taken) = self.decided.get(patch_id) {
            return *taken;
        }
        self.decided.insert(patch_id.to_owned(), !is_replaying);
        !is_replaying
    }
}

/// The patches that a run's history, or its guest, has named.
#[derive(Debug, Default)]
pub(crate) struct KnownPatches {
    /// By id: whether the guest asked for a marker.
    known: BTreeMap<String, bool>,
}

impl KnownPatches {
    /// History has a marker. Whether it is news.
    pub(crate) fn found(&mut self, patch_id: &str) {
        self.known.insert(patch_id.to_owned(), false);
    }

    pub(crate) fn is_found(&self, patch_id: &str) -> bool {
        self.known.contains_key(patch_id)
    }

    /// The guest asks for a marker: false if it did before.
    pub(crate) fn ask(&mut self, patch_id: &str) -> bool {
        self.known.insert(patch_id.to_owned(), true) != Some(true)
    }

    /// The search attribute that lists all patches with a marker of this guest; nothing if the list
    /// is too long.
    pub(crate) fn search_attributes(&self) -> Option<SearchAttributes> {
        let asked: Vec<&str> =
            self.known.iter().filter_map(|(patch_id, asked)| asked.then_some(patch_id.as_str())).collect();
        let mut payload = markers::json_payload(&asked);
        if payload.data.len() >= MAX_SEARCH_ATTRIBUTE_BYTES {
            return None;
        }
        payload.metadata.insert("type".to_owned(), Bytes::from_static(b"KeywordList"));
        Some(SearchAttributes { indexed_fields: [(CHANGE_VERSION.to_owned(), payload)].into() })
    }
}

/// A marker that awaits its event.
#[derive(Debug)]
pub(crate) struct PatchMarker {
    data: PatchData,
}

impl PatchMarker {
    pub(crate) fn new(patch_id: String, deprecated: bool) -> Self {
        Self { data: PatchData { id: patch_id, deprecated } }
    }

    pub(crate) fn describe(&self) -> String {
        format!("a marker of patch {}", self.data.id)
    }

    pub(crate) fn take_command(&mut self) -> Option<(Attributes, Option<UserMetadata>)> {
        let marker = RecordMarkerCommandAttributes {
            marker_name: markers::PATCH_MARKER_NAME.to_owned(),
            details: markers::patch_details(&self.data),
            ..RecordMarkerCommandAttributes::default()
        };
        Some((Attributes::RecordMarkerCommandAttributes(Box::new(marker)), None))
    }

    pub(crate) fn on_event(&self, event: &Event) -> Result<Progress, Error> {
        match Marker::of(event)? {
            Some(Marker::Patch(data)) if data.id == self.data.id => Ok(Progress::Closed),
            Some(Marker::Patch(data)) => Err(Error::nondeterminism(
                event.id(),
                format!("a marker of patch {}", data.id),
                self.describe(),
            )),
            _ => Err(unexpected(event, &self.describe())),
        }
    }
}

/// What to do when history has a command's event and the guest's next command is, or is not, a patch
/// marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handling {
    /// They belong together, or are no business of patches.
    Match,
    /// The marker is of a patch that the code no longer asks for, and may no longer ask for.
    SkipEvent {
        /// The upsert that belongs to it follows.
        and_next: bool,
    },
    /// The guest asked for a marker where history has none: it was written before the change.
    SkipCommand,
}

/// sdk-core: `patch_marker_handling`.
pub(crate) fn handling(
    event: &Event,
    next_event: Option<&Event>,
    first_command: Option<&PatchMarker>,
) -> Result<Handling, Error> {
    let Some(Marker::Patch(data)) = Marker::of(event)? else {
        return Ok(if first_command.is_some() { Handling::SkipCommand } else { Handling::Match });
    };
    match first_command {
        Some(marker) if marker.data.id == data.id || !data.deprecated => Ok(Handling::Match),
        None if !data.deprecated => {
            Err(Error::nondeterminism(event.id(), format!("a marker of patch {}", data.id), "no call for it"))
        }
        _ => Ok(Handling::SkipEvent { and_next: next_event.is_some_and(lists_patches) }),
    }
}

fn lists_patches(event: &Event) -> bool {
    event.kind() == EventType::UpsertWorkflowSearchAttributes
        && event
            .attributes::<UpsertWorkflowSearchAttributesEventAttributes>(tag::UPSERT_SEARCH_ATTRIBUTES)
            .ok()
            .and_then(|upsert| upsert.search_attributes)
            .is_some_and(|it| it.indexed_fields.contains_key(CHANGE_VERSION))
}
