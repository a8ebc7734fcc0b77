//! RecordMarker.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::RecordMarkerCommandAttributes, enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::MarkerRecordedEventAttributes, sdk::v1::UserMetadata,
    },
};
use prost::Message;

use crate::{
    execution::{
        plan::{Refused, bad, check_id},
        run_transition::RunTransition,
    },
    limits,
};

pub(crate) fn check(a: &RecordMarkerCommandAttributes) -> Result<(), Refused> {
    check_id(Cause::BadRecordMarkerAttributes, "MarkerName", "RecordMarkerCommand", &a.marker_name)?;
    let size = a.encoded_len();
    if size > limits::BLOB_BYTES {
        return Err(bad(
            Cause::BadRecordMarkerAttributes,
            format!("RecordMarkerCommandAttributes.Details of {size} bytes exceeds size limit."),
        ));
    }
    Ok(())
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: RecordMarkerCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    run.record_with(
        EventAttributes::MarkerRecordedEventAttributes(Box::new(MarkerRecordedEventAttributes {
            marker_name: a.marker_name,
            details: a.details,
            workflow_task_completed_event_id: completed_id,
            header: a.header,
            failure: a.failure,
        })),
        metadata,
    );
}
