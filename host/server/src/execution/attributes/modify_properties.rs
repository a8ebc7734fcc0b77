//! ModifyWorkflowProperties: the memo.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::ModifyWorkflowPropertiesCommandAttributes, enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::WorkflowPropertiesModifiedEventAttributes, sdk::v1::UserMetadata,
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
    a: &ModifyWorkflowPropertiesCommandAttributes,
) -> Result<(), Refused> {
    let cause = Cause::BadModifyWorkflowPropertiesAttributes;
    let Some(memo) = &a.upserted_memo else {
        return Err(bad(cause, "UpsertedMemo is not set on command."));
    };
    let present = plan.run.attributes().memo().map_or(0, |memo| memo.encoded_len());
    if present + memo.encoded_len() > limits::MEMO_BYTES {
        return Err(bad(cause, "UpsertedMemo exceeds size limit."));
    }
    plan.add_attributes(cause, "UpsertedMemo", memo.encoded_len())
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: ModifyWorkflowPropertiesCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    run.record_with(
        EventAttributes::WorkflowPropertiesModifiedEventAttributes(Box::new(
            WorkflowPropertiesModifiedEventAttributes {
                workflow_task_completed_event_id: completed_id,
                upserted_memo: a.upserted_memo,
            },
        )),
        metadata,
    );
}
