//! The search attributes that every namespace has, and their types.

use host_wire::temporal::api::enums::v1::IndexedValueType as Kind;

/// Set by the service for every run. Neither clients nor workflows set them.
pub(crate) const SYSTEM: &[(&str, Kind)] = &[
    ("WorkflowId", Kind::Keyword),
    ("RunId", Kind::Keyword),
    ("WorkflowType", Kind::Keyword),
    ("StartTime", Kind::Datetime),
    ("ExecutionTime", Kind::Datetime),
    ("CloseTime", Kind::Datetime),
    ("ExecutionStatus", Kind::Keyword),
    ("TaskQueue", Kind::Keyword),
    ("HistoryLength", Kind::Int),
    ("ExecutionDuration", Kind::Int),
    ("StateTransitionCount", Kind::Int),
    ("HistorySizeBytes", Kind::Int),
    ("ParentWorkflowId", Kind::Keyword),
    ("ParentRunId", Kind::Keyword),
    ("RootWorkflowId", Kind::Keyword),
    ("RootRunId", Kind::Keyword),
];

/// Set by SDKs and by features of the service; clients may set them too.
pub(crate) const PREDEFINED: &[(&str, Kind)] = &[
    ("TemporalChangeVersion", Kind::KeywordList),
    ("BinaryChecksums", Kind::KeywordList),
    ("BuildIds", Kind::KeywordList),
    ("BatcherNamespace", Kind::Keyword),
    ("BatcherUser", Kind::Keyword),
    ("TemporalScheduledStartTime", Kind::Datetime),
    ("TemporalScheduledById", Kind::Keyword),
    ("TemporalSchedulePaused", Kind::Bool),
    (NAMESPACE_DIVISION, Kind::Keyword),
    ("TemporalPauseInfo", Kind::KeywordList),
];

/// Set by the service as workers complete tasks; clients may not set them.
pub(crate) const INTERNAL: &[(&str, Kind)] = &[
    ("TemporalWorkerDeploymentVersion", Kind::Keyword),
    ("TemporalWorkflowVersioningBehavior", Kind::Keyword),
    ("TemporalWorkerDeployment", Kind::Keyword),
];

/// Names that are no search attributes and stay reserved.
const RESERVED: &[&str] = &["NamespaceId", "MemoEncoding", "Memo", "VisibilityTaskKey"];
const RESERVED_PREFIX: &str = "Temporal";

/// Runs in which this is set are not listed, unless the filter names it.
pub(crate) const NAMESPACE_DIVISION: &str = "TemporalNamespaceDivision";

/// The type of an attribute in one of the lists above.
pub(crate) fn of(list: &[(&str, Kind)], name: &str) -> Option<Kind> {
    list.iter().find(|(own, _)| *own == name).map(|(_, kind)| *kind)
}

/// Whether no search attribute of one's own may have this name.
pub(crate) fn is_reserved(name: &str) -> bool {
    let is_known = [SYSTEM, PREDEFINED, INTERNAL].iter().any(|list| of(list, name).is_some());
    is_known || RESERVED.contains(&name) || name.starts_with(RESERVED_PREFIX)
}

/// The name of a type, as in the `type` of payloads and on the command line.
pub(crate) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified => "Unspecified",
        Kind::Text => "Text",
        Kind::Keyword => "Keyword",
        Kind::Int => "Int",
        Kind::Double => "Double",
        Kind::Bool => "Bool",
        Kind::Datetime => "Datetime",
        Kind::KeywordList => "KeywordList",
    }
}
