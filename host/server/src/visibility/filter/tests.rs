//! Filters of lists.

use expect_test::{Expect, expect};

use crate::{
    execution::{describe::info, tests::script::Script},
    visibility::filter::{Filter, Listed},
};

fn check(query: &str, expected: Expect) {
    let mut script = Script::default();
    for line in
        ["start type=Order @a", "+1", "start type=Order @b", "+1", "start type=Other @b2", "terminate @b"]
    {
        script.line(line);
    }
    let found = match Filter::parse(query) {
        Ok(filter) => {
            let mut found: Vec<_> = script
                .executions
                .iter()
                .filter(|(_, run)| {
                    filter.matches(&Listed::from(*run)) && filter.matches(&Listed::from(&info(run)))
                })
                .map(|(_, run)| run.identity().workflow_id.clone())
                .collect();
            found.sort();
            found.join(" ")
        }
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&found);
}

#[test]
fn every_operator() {
    check("", expect!["a b b2"]);
    check("WorkflowId = 'a'", expect!["a"]);
    check("WorkflowId != 'a'", expect!["b b2"]);
    check("WorkflowId STARTS_WITH 'b' AND NOT WorkflowType = \"Other\"", expect!["b"]);
    check("WorkflowType IN ('Other', 'None') OR ExecutionStatus = 'Terminated'", expect!["b b2"]);
    check("`ExecutionStatus` = Running and (WorkflowId='a' or WorkflowId='b')", expect!["a"]);
    check("TaskQueue = 'queue' AND CloseTime IS NULL", expect!["a b2"]);
    check("StartTime > '2023-11-14T22:13:20Z'", expect!["b b2"]);
    check("StartTime BETWEEN '2023-11-14T22:13:20Z' AND '2023-11-14T22:13:21Z'", expect!["a b"]);
    check("WorkflowId NOT IN ('a')", expect!["b b2"]);
}

#[test]
fn what_is_no_filter() {
    check("WorkflowId", expect!["invalid query: unexpected end"]);
    check(
        "Colour = 'red'",
        expect!["invalid query: column name 'Colour' is not a field this service can list by"],
    );
    check("WorkflowId = 'a' AND", expect!["invalid query: unexpected end"]);
    check("WorkflowId = 'a", expect!["invalid query: text without an end"]);
    check("ExecutionStatus = 'Sleeping'", expect!["invalid query: invalid ExecutionStatus value 'Sleeping'"]);
    check("StartTime > 'tomorrow'", expect!["invalid query: 'tomorrow' is not a time"]);
    check("(WorkflowId = 'a'", expect!["invalid query: unexpected end"]);
    check("WorkflowId = 'a'; DROP", expect!["invalid query: unexpected ';'"]);
    check(&"(".repeat(100), expect!["invalid query: nested too deeply"]);
}
