//! Foreign bytes: filters of lists, and stored records whose checksum is right. Requests are in `simulation`.

use bytes::Bytes;
use host_wire::temporal::api::{enums::v1::IndexedValueType as Kind, workflow::v1::WorkflowExecutionInfo};

use crate::{
    execution::run::Run,
    storage::{check_record, run_of_body},
    visibility::filter::{Filter, Listed},
};

#[test]
fn list_filter() {
    let run = WorkflowExecutionInfo::default();
    fuzz::check!("list_filter", |bytes| {
        let Ok(query) = std::str::from_utf8(bytes) else { return };
        let custom = [("A".to_owned(), Kind::Int), ("L".to_owned(), Kind::KeywordList)].into();
        if let Ok(filter) = Filter::parse(query, &custom) {
            assert_eq!(Filter::parse(query, &custom).unwrap(), filter);
            let _ = filter.matches(&Listed::from(&run));
        }
    });
}

/// A record as it is in the files: damage is an error.
#[test]
fn stored_record() {
    fuzz::check!("stored_record", |bytes| {
        let _ = check_record(Bytes::copy_from_slice(bytes));
    });
}

/// The body of a record that is not damaged, whatever wrote it: a run comes of it, or nothing.
#[test]
fn stored_run() {
    fuzz::check!("stored_run", |bytes| {
        if let Ok(record) = run_of_body(Bytes::copy_from_slice(bytes)) {
            let _ = Run::from_records(vec![record]);
        }
    });
}
