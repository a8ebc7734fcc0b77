//! UpsertWorkflowSearchAttributes.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::UpsertWorkflowSearchAttributesCommandAttributes, common::v1::Payload,
        enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::UpsertWorkflowSearchAttributesEventAttributes, sdk::v1::UserMetadata,
    },
};
use prost::Message;

use crate::{
    execution::{
        plan::{Plan, Refused, bad},
        run_transition::RunTransition,
    },
    limits,
};

pub(crate) fn check(
    plan: &mut Plan<'_>,
    a: &UpsertWorkflowSearchAttributesCommandAttributes,
) -> Result<(), Refused> {
    let cause = Cause::BadSearchAttributes;
    match &a.search_attributes {
        Some(all) if all.indexed_fields.is_empty() => Err(bad(cause, "IndexedFields is not set on command.")),
        Some(all) if all.encoded_len() > limits::BLOB_BYTES => {
            Err(bad(cause, "SearchAttributes on command exceed size limit."))
        }
        Some(all) => plan.add_attributes(cause, "SearchAttributes on command", all.encoded_len()),
        None => Err(bad(cause, "SearchAttributes is not set on command.")),
    }
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    mut a: UpsertWorkflowSearchAttributesCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    for (name, payload) in a.search_attributes.iter_mut().flat_map(|all| &mut all.indexed_fields) {
        keep_type(payload, run.attributes().search_attribute(name));
    }
    run.record_with(
        EventAttributes::UpsertWorkflowSearchAttributesEventAttributes(Box::new(
            UpsertWorkflowSearchAttributesEventAttributes {
                workflow_task_completed_event_id: completed_id,
                search_attributes: a.search_attributes,
            },
        )),
        metadata,
    );
}

/// Keeps the type of an attribute that the command removes or replaces without naming it.
fn keep_type(payload: &mut Payload, before: Option<&Payload>) {
    const TYPE: &str = "type";
    if let Some(known) = before.and_then(|before| before.metadata.get(TYPE))
        && !payload.metadata.contains_key(TYPE)
    {
        payload.metadata.insert(TYPE.to_owned(), known.clone());
    }
}
