//! What the definitions and imports of a module have that those of another do not.

use std::{collections::BTreeMap, fmt};

use host_sandbox::wit::{WorkflowDefinition, workflow::host::definition::VersioningBehavior};
use serde::{Deserialize, Serialize};

use crate::modules::LoadedModule;

/// One difference between two modules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Whether it is there now, or was, or is another one.
    pub change: ChangeKind,
    /// What kind of thing it is.
    pub part: ChangedPart,
    /// The workflow type that it belongs to; empty for the dynamic workflow, and for imports.
    pub workflow_type: String,
    /// Its name; that of a workflow type itself is empty.
    pub name: String,
    /// What the two modules have, where both have it; else empty.
    pub detail: String,
}

/// What became of a part of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    /// Only the newer module has it.
    Added,
    /// Only the older module has it.
    Removed,
    /// Both have it, each another.
    Changed,
}

/// A part of a module that callers or the host know by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangedPart {
    /// A workflow type.
    Workflow,
    /// A signal handler.
    Signal,
    /// A query handler.
    Query,
    /// An update handler.
    Update,
    /// Whether runs stay on a version or move to newer ones.
    VersioningBehavior,
    /// An imported interface.
    Import,
}

/// The differences between an older module and a newer one: by workflow type, then imports. The contract names handlers
/// and says whether an update has a validator; what arguments they take it does not say.
#[must_use]
pub fn changes(older: &LoadedModule, newer: &LoadedModule) -> Vec<Change> {
    let mut changes = of_definitions(older.sandbox().definitions(), newer.sandbox().definitions());
    let imports =
        |module: &LoadedModule| module.sandbox().imports().iter().map(|it| (it.name.clone(), "")).collect();
    of_names(ChangedPart::Import, "", imports(older), imports(newer), &mut changes);
    changes
}

fn of_definitions(older: &[WorkflowDefinition], newer: &[WorkflowDefinition]) -> Vec<Change> {
    let mut changes = Vec::new();
    let by_name = |definitions: &[WorkflowDefinition]| -> BTreeMap<String, WorkflowDefinition> {
        definitions.iter().map(|it| (it.name.clone(), it.clone())).collect()
    };
    let (older, newer) = (by_name(older), by_name(newer));
    let whole = |change, name: &str| Change {
        change,
        part: ChangedPart::Workflow,
        workflow_type: name.to_owned(),
        name: String::new(),
        detail: String::new(),
    };
    for (name, old) in &older {
        match newer.get(name) {
            None => changes.push(whole(ChangeKind::Removed, name)),
            Some(new) => of_definition(old, new, &mut changes),
        }
    }
    let added = newer.keys().filter(|name| !older.contains_key(*name));
    changes.extend(added.map(|name| whole(ChangeKind::Added, name)));
    changes
}

fn of_definition(old: &WorkflowDefinition, new: &WorkflowDefinition, changes: &mut Vec<Change>) {
    let name = &*old.name;
    let signals = |it: &WorkflowDefinition| it.signals.iter().map(|it| (it.name.clone(), "")).collect();
    let queries = |it: &WorkflowDefinition| it.queries.iter().map(|it| (it.name.clone(), "")).collect();
    let updates = |it: &WorkflowDefinition| {
        let validator = |has| if has { "with a validator" } else { "without a validator" };
        it.updates.iter().map(|it| (it.name.clone(), validator(it.has_validator))).collect()
    };
    of_names(ChangedPart::Signal, name, signals(old), signals(new), changes);
    of_names(ChangedPart::Query, name, queries(old), queries(new), changes);
    of_names(ChangedPart::Update, name, updates(old), updates(new), changes);
    let (was, is) = (behavior(old.versioning_behavior), behavior(new.versioning_behavior));
    if was != is {
        changes.push(Change {
            change: ChangeKind::Changed,
            part: ChangedPart::VersioningBehavior,
            workflow_type: name.to_owned(),
            name: String::new(),
            detail: format!("{was} before, {is} now"),
        });
    }
}

/// Compares names, each with its signature.
fn of_names(
    part: ChangedPart,
    workflow_type: &str,
    older: BTreeMap<String, &'static str>,
    newer: BTreeMap<String, &'static str>,
    changes: &mut Vec<Change>,
) {
    let change = |change, name: &str, detail| Change {
        change,
        part,
        workflow_type: workflow_type.to_owned(),
        name: name.to_owned(),
        detail,
    };
    for (name, was) in &older {
        match newer.get(name) {
            None => changes.push(change(ChangeKind::Removed, name, String::new())),
            Some(is) if is != was => {
                changes.push(change(ChangeKind::Changed, name, format!("{was} before, {is} now")));
            }
            Some(_) => {}
        }
    }
    for name in newer.keys().filter(|name| !older.contains_key(*name)) {
        changes.push(change(ChangeKind::Added, name, String::new()));
    }
}

fn behavior(behavior: VersioningBehavior) -> &'static str {
    match behavior {
        VersioningBehavior::Unspecified => "unspecified",
        VersioningBehavior::Pinned => "pinned",
        VersioningBehavior::AutoUpgrade => "auto-upgrade",
    }
}

impl fmt::Display for Change {
    /// One line, such as `- signal pay of workflow Orders`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.change {
            ChangeKind::Added => '+',
            ChangeKind::Removed => '-',
            ChangeKind::Changed => '~',
        };
        let part = match self.part {
            ChangedPart::Workflow => "workflow",
            ChangedPart::Signal => "signal",
            ChangedPart::Query => "query",
            ChangedPart::Update => "update",
            ChangedPart::VersioningBehavior => "versioning behavior",
            ChangedPart::Import => "import",
        };
        write!(f, "{sign} {part}")?;
        let named = |name: &str| if name.is_empty() { "(dynamic)".to_owned() } else { name.to_owned() };
        match self.part {
            ChangedPart::Workflow => write!(f, " {}", named(&self.workflow_type))?,
            ChangedPart::Import => write!(f, " {}", self.name)?,
            ChangedPart::VersioningBehavior => write!(f, " of workflow {}", named(&self.workflow_type))?,
            ChangedPart::Signal | ChangedPart::Query | ChangedPart::Update => {
                write!(f, " {} of workflow {}", named(&self.name), named(&self.workflow_type))?;
            }
        }
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

#[cfg(test)]
mod tests {
    use host_sandbox::wit::workflow::host::definition::{HandlerDefinition, UpdateDefinition};

    use super::*;

    /// Definitions as lines, `Type signal:a query:b update:c update:validated! pinned`.
    fn definitions(lines: &str) -> Vec<WorkflowDefinition> {
        let definition = |line: &str| {
            let mut words = line.split_whitespace();
            let mut definition = WorkflowDefinition {
                name: words.next().unwrap().to_owned(),
                signals: Vec::new(),
                queries: Vec::new(),
                updates: Vec::new(),
                versioning_behavior: VersioningBehavior::Unspecified,
            };
            let handler =
                |name: &str| HandlerDefinition { name: name.to_owned(), description: String::new() };
            for word in words {
                match word.split_once(':') {
                    Some(("signal", name)) => definition.signals.push(handler(name)),
                    Some(("query", name)) => definition.queries.push(handler(name)),
                    Some(("update", name)) => definition.updates.push(UpdateDefinition {
                        name: name.trim_end_matches('!').to_owned(),
                        description: String::new(),
                        has_validator: name.ends_with('!'),
                    }),
                    _ => definition.versioning_behavior = VersioningBehavior::Pinned,
                }
            }
            definition
        };
        lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(definition).collect()
    }

    fn check(older: &str, newer: &str, expected: &[&str]) {
        let changes = of_definitions(&definitions(older), &definitions(newer));
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(changes, expected);
    }

    #[test]
    fn what_disappears_appears_and_changes() {
        let before = "A signal:pay query:state update:add
                      B";
        check(before, before, &[]);
        check(
            before,
            "A signal:ship query:state update:add! pinned
             C",
            &[
                "- signal pay of workflow A",
                "+ signal ship of workflow A",
                "~ update add of workflow A: without a validator before, with a validator now",
                "~ versioning behavior of workflow A: unspecified before, pinned now",
                "- workflow B",
                "+ workflow C",
            ],
        );
    }
}
