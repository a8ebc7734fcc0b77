//! Search attributes of the run are added or replaced: by the guest, or by core to list patches.

use host_wire::temporal::api::{
    command::v1::{UpsertWorkflowSearchAttributesCommandAttributes, command::Attributes},
    common::v1::SearchAttributes,
    enums::v1::{CommandType, EventType},
};

use crate::{history::Event, operation::OneWay};

/// The search attribute that lists a run's patches.
pub(crate) const CHANGE_VERSION: &str = "TemporalChangeVersion";

/// The command, until it is sent.
#[derive(Debug)]
pub(crate) struct UpsertSearchAttributes(Option<SearchAttributes>);

impl UpsertSearchAttributes {
    /// The guest asks for it. Where core lists the patches, a list of the guest's is left out; the command
    /// is sent all the same, since histories have it.
    pub(crate) fn new(search_attributes: SearchAttributes, core_lists_patches: bool) -> Self {
        let is_list = core_lists_patches && search_attributes.indexed_fields.contains_key(CHANGE_VERSION);
        Self(Some(if is_list { SearchAttributes::default() } else { search_attributes }))
    }

    /// Core lists the run's patches.
    pub(crate) fn list_of_patches(search_attributes: SearchAttributes) -> Self {
        Self(Some(search_attributes))
    }
}

impl OneWay for UpsertSearchAttributes {
    const COMMAND: CommandType = CommandType::UpsertWorkflowSearchAttributes;
    const EVENT: EventType = EventType::UpsertWorkflowSearchAttributes;
    const DESCRIPTION: &'static str = "an upsert of search attributes";

    fn take(&mut self) -> Option<Attributes> {
        let search_attributes = self.0.take()?;
        let upsert =
            UpsertWorkflowSearchAttributesCommandAttributes { search_attributes: Some(search_attributes) };
        Some(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(Box::new(upsert)))
    }

    /// As sdk-core does, by the attributes.
    fn event_type(event: &Event) -> EventType {
        event.attributes_type().unwrap_or(EventType::Unspecified)
    }
}
