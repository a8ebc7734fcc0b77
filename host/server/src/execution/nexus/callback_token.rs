//! The URL and the headers of callbacks: which operation they are about.

use std::collections::BTreeMap;

use host_wire::temporal::api::common::v1::{Callback, callback};

use crate::execution::{nexus::state::Operation, record::RunNumber, run::Run};

/// Where handlers are told to report the end of an operation. Later versions of Temporal's server have the same for
/// callbacks that stay within it.
pub(crate) const URL: &str = "temporal://system";
/// The header that names the operation.
const TOKEN_HEADER: &str = "temporal-callback-token";
/// The header that SDKs add with their token of the operation.
pub(crate) const OPERATION_TOKEN_HEADER: &str = "nexus-operation-token";

/// The headers that go with [`URL`].
pub(crate) fn header(number: RunNumber, run: &Run, operation: &Operation) -> BTreeMap<String, String> {
    let (run_id, request_id) = (&run.identity().run_id, &operation.scheduled.request_id);
    let token = format!("{number} {run_id} {} {request_id}", operation.scheduled_event_id);
    [(TOKEN_HEADER.to_owned(), token)].into()
}

/// The operation that a callback is about.
#[derive(Debug, PartialEq)]
pub(crate) struct Target<'a> {
    pub(crate) run: RunNumber,
    pub(crate) run_id: &'a str,
    pub(crate) scheduled_event_id: i64,
    pub(crate) request_id: &'a str,
}

/// The value of a header, whatever the case of its name.
pub(crate) fn value<'a>(callback: &'a callback::Nexus, name: &str) -> Option<&'a str> {
    let found = callback.header.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| &**value)
}

/// The operation that a callback names; none if it names none.
pub(crate) fn target(callback: &Callback) -> Option<(&callback::Nexus, Target<'_>)> {
    let Some(callback::Variant::Nexus(nexus)) = &callback.variant else { return None };
    let mut words = value(nexus, TOKEN_HEADER)?.split(' ');
    let target = Target {
        run: words.next()?.parse().ok()?,
        run_id: words.next()?,
        scheduled_event_id: words.next()?.parse().ok()?,
        request_id: words.next()?,
    };
    Some((nexus, target))
}
