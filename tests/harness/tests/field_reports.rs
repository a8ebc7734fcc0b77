//! `tests/field-reports.md` names tests that exist, and each report once.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::collections::BTreeSet;
use std::fs;

use test_harness::workspace_root;

const FILE: &str = "tests/field-reports.md";
/// Reports that the file has at least.
const REPORTS: usize = 150;
/// Of these, reports that a test holds.
const HELD: usize = 140;
/// Of these, reports whose test was seen to fail without what it holds.
const SEEN_TO_FAIL: usize = 40;

/// A row of the tables.
#[derive(Debug)]
struct Row {
    /// `owner/repository#number`, as the address says it.
    report: String,
    /// What is shown of it.
    shown: String,
    /// The file and the name of the test that holds it.
    test: Option<(String, String)>,
    /// What is said besides.
    here: String,
    seen_to_fail: bool,
}

#[test]
fn every_report_is_held_by_a_test_or_has_a_reason() {
    let rows = rows();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for Row { report, shown, test, here, .. } in &rows {
        if !seen.insert(report) {
            wrong.push(format!("{report} is there twice"));
        }
        if report.split_once('/').unwrap().1 != shown && report != shown {
            wrong.push(format!("{shown} leads to {report}"));
        }
        match test {
            None if here.len() < 20 => wrong.push(format!("{report}: neither a test nor a reason")),
            None => {}
            Some((path, name)) => {
                let text = fs::read_to_string(workspace_root().join(path)).unwrap_or_default();
                if !has_function(&text, name) {
                    wrong.push(format!("{report}: there is no `{name}` in {path}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let held = rows.iter().filter(|row| row.test.is_some()).count();
    let seen_to_fail = rows.iter().filter(|row| row.seen_to_fail && row.test.is_some()).count();
    assert!(rows.len() >= REPORTS, "{} reports", rows.len());
    assert!(held >= HELD, "{held} reports are held by a test");
    assert!(seen_to_fail >= SEEN_TO_FAIL, "the tests of {seen_to_fail} reports were seen to fail");
}

/// Rows are `| [report](address) | there | here | without it |`.
fn rows() -> Vec<Row> {
    let text = fs::read_to_string(workspace_root().join(FILE)).unwrap();
    text.lines().filter(|line| line.starts_with("| [")).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let [_, report, _, here, without_it, _] = cells[..] else { panic!("not four cells: {line}") };
    let (shown, address) = report.strip_prefix('[').unwrap().split_once("](").unwrap();
    let address = address.strip_suffix(')').unwrap().strip_prefix("https://github.com/").unwrap();
    let parts: Vec<&str> = address.split('/').collect();
    let [owner, repository, "issues" | "pull", number] = parts[..] else { panic!("no report: {address}") };
    assert!(number.parse::<u32>().is_ok(), "{address}");
    let (test, here) = test(here);
    Row {
        report: format!("{owner}/{repository}#{number}"),
        shown: shown.to_owned(),
        test,
        here: here.to_owned(),
        seen_to_fail: !without_it.is_empty(),
    }
}

/// A test, as a link from its name to its file, and what follows.
fn test(here: &str) -> (Option<(String, String)>, &str) {
    let link = here.strip_prefix("[`").and_then(|rest| rest.split_once("`]("));
    let Some((name, rest)) = link else { return (None, here) };
    let (path, rest) = rest.split_once(')').unwrap();
    let path = path.strip_prefix("../").map_or_else(|| format!("tests/{path}"), str::to_owned);
    (Some((path, name.to_owned())), rest)
}

fn has_function(text: &str, name: &str) -> bool {
    let begins = format!("fn {name}(");
    text.lines().any(|line| line.contains(&begins) && !line.trim_start().starts_with("//"))
}
