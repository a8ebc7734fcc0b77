//! Filters of lists. What each finds on Temporal's server too is in `tests/answers/filters.txt`.

use expect_test::{Expect, expect};
use host_wire::temporal::api::enums::v1::IndexedValueType as Kind;

use crate::{
    execution::{describe::info, tests::script::Script},
    visibility::filter::{Filter, Listed},
};

fn check(query: &str, expected: Expect) {
    let mut script = Script::default();
    let custom = [("Colour".to_owned(), Kind::Keyword), ("Words".to_owned(), Kind::Text)];
    let custom = custom.into_iter().collect();
    for line in
        ["start type=Order @a", "+1", "start type=Order @b", "+1", "start type=Other @b2", "terminate @b"]
    {
        script.line(line);
    }
    let found = match Filter::parse(query, &custom) {
        Ok(filter) => {
            let mut found: Vec<_> = script
                .executions
                .iter()
                .filter(|(_, run)| {
                    let matches = filter.matches(&Listed::from(*run));
                    assert_eq!(filter.matches(&Listed::from(&info(run))), matches, "{query}");
                    matches
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
    check("WorkflowId <> 'a'", expect!["b b2"]);
    check("WorkflowId STARTS_WITH 'b' AND NOT WorkflowType = \"Other\"", expect!["b"]);
    check("WorkflowType IN ('Other', 'None') OR ExecutionStatus = 'Terminated'", expect!["b b2"]);
    check("`ExecutionStatus` = 'Running' and (WorkflowId='a' or WorkflowId='b')", expect!["a"]);
    check("TaskQueue = 'queue' AND CloseTime IS NULL", expect!["a b2"]);
    check("StartTime > '2023-11-14T22:13:20Z'", expect!["b b2"]);
    check("StartTime BETWEEN '2023-11-14T22:13:20Z' AND '2023-11-14T22:13:21Z'", expect!["a b"]);
    check("WorkflowId NOT IN ('a')", expect!["b b2"]);
    check("ExecutionDuration BETWEEN '1s' AND '00:00:01'", expect!["b"]);
    check("HistoryLength > 2 AND HistorySizeBytes >= 1 AND StateTransitionCount >= 2.0", expect!["b"]);
    check("RootWorkflowId = 'a' AND ParentWorkflowId IS NULL", expect!["a"]);
}

/// As in SQL, what is not known is neither true nor false.
#[test]
fn attributes_that_are_not_set() {
    check("Colour = 'red'", expect![""]);
    check("Colour != 'red'", expect![""]);
    check("NOT Colour = 'red'", expect![""]);
    check("NOT (Colour = 'red' AND WorkflowId = 'a')", expect!["b b2"]);
    check("Colour = 'red' OR WorkflowId = 'a'", expect!["a"]);
    check("Colour IS NULL", expect!["a b b2"]);
    check("Words != 'late'", expect!["a b b2"]);
    check("HistoryLength > 0", expect!["b"]);
    check("CloseTime > '2023-11-14T22:13:30Z'", expect!["a b2"]);
}

#[test]
fn quotes_and_escapes() {
    check("WorkflowId != 'it''s'", expect!["a b b2"]);
    check(r"WorkflowId != 'it\'s \\ \n'", expect!["a b b2"]);
    check("WorkflowId != \"it's \"\"so\"\"\"", expect!["a b b2"]);
    check(r"WorkflowId = 'a\'", expect!["invalid query: malformed SQL query: text without an end"]);
}

#[test]
fn what_is_no_filter() {
    check("WorkflowId", expect!["invalid query: invalid expression: incomplete expression"]);
    check(
        "Size = 'large'",
        expect!["invalid query: invalid expression: column name 'Size' is not a valid search attribute"],
    );
    check("WorkflowId = 'a' AND", expect!["invalid query: malformed SQL query: unexpected end"]);
    check("WorkflowId = 'a", expect!["invalid query: malformed SQL query: text without an end"]);
    check(
        "WorkflowId = a",
        expect![
            "invalid query: operation is not supported: column name on the right side of comparison expression (did you forget to quote 'a'?)"
        ],
    );
    check(
        "ExecutionStatus = 'Sleeping'",
        expect!["invalid query: invalid expression: invalid ExecutionStatus value 'Sleeping'"],
    );
    check(
        "StartTime > 'tomorrow'",
        expect!["invalid query: invalid expression: unable to parse datetime 'tomorrow'"],
    );
    check("(WorkflowId = 'a'", expect!["invalid query: malformed SQL query: unexpected end"]);
    check("WorkflowId = 'a'; DROP", expect!["invalid query: malformed SQL query: unexpected ';'"]);
    check(
        "WorkflowId = 'a' ORDER BY StartTime",
        expect!["invalid query: operation is not supported: 'order by' clause"],
    );
    check(&"(".repeat(100), expect!["invalid query: malformed SQL query: nested too deeply"]);
}
