//! UpsertWorkflowSearchAttributes.

use std::collections::BTreeMap;

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
        attributes::state::removes,
        plan::{Plan, Refused, bad, fatal},
        run::Run,
        run_transition::RunTransition,
    },
    limits,
    visibility::registry::Registry,
};

pub(crate) fn check(
    plan: &mut Plan<'_>,
    a: &UpsertWorkflowSearchAttributesCommandAttributes,
) -> Result<(), Refused> {
    let cause = Cause::BadSearchAttributes;
    let all = match &a.search_attributes {
        Some(all) if all.indexed_fields.is_empty() => {
            return Err(bad(cause, "IndexedFields is not set on command."));
        }
        Some(all) if all.encoded_len() > limits::BLOB_BYTES => {
            return Err(bad(cause, "SearchAttributes on command exceed size limit."));
        }
        Some(all) => all,
        None => return Err(bad(cause, "SearchAttributes is not set on command.")),
    };
    plan.check_search_attributes(&plan.run.identity().namespace, Some(all))?;
    let merged =
        plan.search_attributes.get_or_insert_with(|| plan.run.attributes().all_search_attributes().clone());
    merge(merged, a);
    Registry::check_size(merged.iter()).map_err(|error| fatal(cause, error.to_string()))?;
    plan.add_attributes(cause, "SearchAttributes on command", all.encoded_len())
}

/// Whether the run is terminated, because its search attributes would be too large.
pub(crate) fn is_too_large(run: &Run, a: &UpsertWorkflowSearchAttributesCommandAttributes) -> bool {
    let mut merged = run.attributes().all_search_attributes().clone();
    merge(&mut merged, a);
    Registry::check_size(merged.iter()).is_err()
}

fn merge(
    attributes: &mut BTreeMap<String, Payload>,
    upsert: &UpsertWorkflowSearchAttributesCommandAttributes,
) {
    for (name, payload) in upsert.search_attributes.iter().flat_map(|all| &all.indexed_fields) {
        if removes(payload) {
            attributes.remove(name);
        } else {
            attributes.insert(name.clone(), payload.clone());
        }
    }
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: UpsertWorkflowSearchAttributesCommandAttributes,
    metadata: Option<UserMetadata>,
) {
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
