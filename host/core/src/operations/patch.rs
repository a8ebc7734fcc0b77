//! The marker of a patch: history records that the run takes the new path of a change.

use host_wire::temporal::api::{
    command::v1::{RecordMarkerCommandAttributes, command::Attributes},
    enums::v1::{CommandType, EventType},
    history::v1::UpsertWorkflowSearchAttributesEventAttributes,
};

use super::upsert_search_attributes::CHANGE_VERSION;
use crate::{
    error::Error,
    history::{
        Event,
        markers::{self, Marker, PatchData},
    },
    job::Job,
    operation::{Cancelled, Context, NewCommand, Operation, Pending, Progress, unexpected},
};

/// A marker that awaits its event.
#[derive(Debug)]
pub(crate) struct Patch {
    data: PatchData,
}

impl Patch {
    pub(crate) fn new(patch_id: String, deprecated: bool) -> Self {
        Self { data: PatchData { id: patch_id, deprecated } }
    }
}

impl Operation for Patch {
    type State = Pending;
    type Transition = ();

    const BEGINS_WITH: Option<CommandType> = Some(CommandType::RecordMarker);

    fn name(&self) -> String {
        format!("a marker of patch {}", self.data.id)
    }

    fn describe(&self, _: CommandType) -> String {
        self.name()
    }

    fn command(&mut self, _: CommandType) -> Option<NewCommand> {
        let marker = RecordMarkerCommandAttributes {
            marker_name: markers::PATCH_MARKER_NAME.to_owned(),
            details: markers::patch_details(&self.data),
            ..RecordMarkerCommandAttributes::default()
        };
        Some(Attributes::RecordMarkerCommandAttributes(Box::new(marker)).into())
    }

    fn cancel(&mut self, _: String, _: &mut Vec<Job>) -> Cancelled {
        Cancelled::Nothing
    }

    fn state(&self) -> Pending {
        Pending::Commanded
    }

    fn transition(Pending::Commanded: Pending, event: EventType) -> Option<()> {
        (event == EventType::MarkerRecorded).then_some(())
    }

    fn apply(&mut self, (): (), event: &Event, _: &mut Context<'_>) -> Result<Progress, Error> {
        match Marker::of(event)? {
            Some(Marker::Patch(data)) if data.id == self.data.id => Ok(Progress::Closed),
            Some(Marker::Patch(_)) => Err(Error::nondeterminism(
                event.id(),
                event.words(),
                self.name(),
            )),
            Some(Marker::LocalActivity(_)) | None => Err(unexpected(event, &self.name())),
        }
    }
}

/// What to do when history has a command's event and the guest's next command is, or is not, a patch
/// marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handling {
    /// They belong together, or neither is a patch marker.
    Match,
    /// The marker is of a patch that the code no longer asks for, and may no longer ask for.
    SkipEvent {
        /// The upsert that belongs to it follows.
        and_next: bool,
    },
    /// The guest asked for a marker where history has none: it was written before the change.
    SkipCommand,
}

/// Compares the event of a command with the guest's next command. sdk-core: `patch_marker_handling`.
///
/// # Errors
///
/// When history has the marker of a patch that is not deprecated, and the guest asks for none.
pub(crate) fn handling(
    event: &Event,
    next_event: Option<&Event>,
    first_command: Option<&Patch>,
) -> Result<Handling, Error> {
    let Some(Marker::Patch(data)) = Marker::of(event)? else {
        return Ok(if first_command.is_some() { Handling::SkipCommand } else { Handling::Match });
    };
    match first_command {
        Some(marker) if marker.data.id == data.id || !data.deprecated => Ok(Handling::Match),
        None if !data.deprecated => {
            Err(Error::nondeterminism(event.id(), event.words(), "no call for it"))
        }
        Some(_) | None => Ok(Handling::SkipEvent { and_next: next_event.is_some_and(lists_patches) }),
    }
}

/// Whether an event is the upsert that core sends after the marker of a patch.
fn lists_patches(event: &Event) -> bool {
    event.kind() == EventType::UpsertWorkflowSearchAttributes
        && event
            .attributes::<UpsertWorkflowSearchAttributesEventAttributes>()
            .ok()
            .and_then(|upsert| upsert.search_attributes)
            .is_some_and(|it| it.indexed_fields.contains_key(CHANGE_VERSION))
}
