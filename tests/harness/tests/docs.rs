//! The documentation speaks of what is there.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use host_telemetry::{ALL, Description, Kind, Unit};
use test_harness::workspace_root;

/// Texts whose tables quote messages of the host in their first column.
const MESSAGES: &[(&str, &str)] =
    &[("docs/errors.md", "## Command line and connection"), ("docs/operations.md", "## Logs that matter")];

/// A shorter part of a message may be anywhere by chance.
const SHORTEST_PART: usize = 8;

/// Flags, and what tonic says.
const NOT_MESSAGES: &[&str] = &["--task-queue", "--modules", "Not yet implemented", "Unimplemented"];

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for path in texts() {
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            // Elsewhere, here, or a name of the code that rustdoc links.
            if target.contains("://") || target.is_empty() || target.contains("::") {
                continue;
            }
            if !path.parent().unwrap().join(target).exists() {
                wrong.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "links to nothing: {wrong:#?}");
}

/// The first block of the README is what a newcomer types: two lines.
#[test]
fn the_readme_begins_with_two_lines() {
    let text = fs::read_to_string(workspace_root().join("README.md")).unwrap();
    let block = text.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(block, "cargo demo\ncargo test\n");
}

#[test]
fn every_call_of_the_embedded_service_is_in_the_table() {
    let code = source("host/server/src/api/service.rs");
    let body = code.split_once("\ncalls! {").unwrap().1;
    let implemented: BTreeSet<String> = body
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("async fn "))
        .map(|line| pascal_case(line.split('(').next().unwrap()))
        .collect();
    let text = fs::read_to_string(workspace_root().join("docs/server-support.md")).unwrap();
    let documented: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .flat_map(|line| quoted(&format!("`{}", line.split('|').next().unwrap())))
        .collect();
    assert_eq!(implemented, documented);
}

#[test]
fn every_metric_is_in_the_table() {
    let text = fs::read_to_string(workspace_root().join("docs/observability.md")).unwrap();
    let table = text.split_once("| metric | kind | labels | what |\n|---|---|---|---|\n").unwrap().1;
    let documented: Vec<&str> = table.lines().take_while(|line| !line.is_empty()).collect();
    let expected: Vec<String> = ALL
        .iter()
        .map(|metric| {
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let unit = match metric.unit {
                Unit::Count => "",
                Unit::Milliseconds => ", ms",
                Unit::Bytes => ", bytes",
            };
            let kind = format!("{:?}", metric.kind).to_lowercase();
            format!("| `{}` | {kind}{unit} | {} | {} |", metric.name, labels.join(", "), metric.description)
        })
        .collect();
    assert_eq!(documented, expected);
}

/// The dashboard shows metrics that are there, with labels that they have.
#[test]
fn the_dashboard_shows_what_there_is() {
    let dashboard = source("docs/grafana-dashboard.json");
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let targets =
        dashboard["panels"].as_array().unwrap().iter().filter_map(|panel| panel["targets"].as_array());
    let expressions: Vec<&str> = targets.flatten().map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(expressions.len() > 30);
    let mut shown = BTreeSet::new();
    for expression in expressions {
        let words: Vec<&str> =
            expression.split(|each: char| !each.is_ascii_alphanumeric() && each != '_').collect();
        let is_of = |metric: &&Description, word: &str| {
            let parts = ["_bucket", "_sum", "_count"];
            let part = || parts.iter().find_map(|part| word.strip_suffix(part));
            word == metric.name || metric.kind == Kind::Histogram && part() == Some(metric.name)
        };
        let metric = words.iter().find_map(|word| ALL.iter().find(|metric| is_of(metric, word)));
        let Some(metric) = metric else {
            assert!(
                words.iter().any(|word| word.starts_with("process_")),
                "no metric of the host: {expression}"
            );
            continue;
        };
        shown.insert(metric.name);
        let grouped = expression.split(" by (").nth(1).and_then(|rest| rest.split(')').next());
        for label in grouped.into_iter().flat_map(|labels| labels.split(", ")).filter(|label| *label != "le")
        {
            assert!(metric.labels.contains(&label), "{} has no label {label}: {expression}", metric.name);
        }
    }
    // What a newcomer must see; the rest is for who looks for it.
    for metric in ["temporal_workflow_completed", "temporal_activity_execution_failed", "service_requests"] {
        assert!(shown.contains(metric), "{metric}");
    }
}

/// Every quoted message is in the code, but for what `…` stands for.
#[test]
fn messages_are_those_of_the_code() {
    let mut code = String::new();
    collect(&workspace_root().join("host"), "rs", &mut |path| {
        code.push_str(&joined(&fs::read_to_string(path).unwrap()));
    });
    let mut wrong = Vec::new();
    for (path, from) in MESSAGES {
        let text = fs::read_to_string(workspace_root().join(path)).unwrap();
        let tables = text.split_once(from).unwrap().1;
        for row in tables.lines().filter_map(|line| line.strip_prefix("| `")) {
            let row = format!("`{row}");
            for message in row.split(" | ").take(2).filter(|cell| cell.starts_with('`')).flat_map(quoted) {
                let parts = message.split('…').map(str::trim);
                let known = parts
                    .filter(|part| part.len() >= SHORTEST_PART)
                    .all(|part| code.contains(part) || NOT_MESSAGES.contains(&part));
                if !known {
                    wrong.push(format!("{path}: `{message}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "messages that the host does not have: {wrong:#?}");
}

/// All Markdown of this repository.
fn texts() -> Vec<PathBuf> {
    let root = workspace_root();
    let mut found = Vec::new();
    for entry in fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
    for folder in ["docs", "guest-sdk", "host", "sample-workflows", "tests"] {
        collect(&root.join(folder), "md", &mut |path| found.push(path.to_owned()));
    }
    found
}

fn collect(folder: &Path, ending: &str, found: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, ending, found);
            }
        } else if path.extension().is_some_and(|own| own == ending) {
            found(&path);
        }
    }
}

fn source(path: &str) -> String {
    fs::read_to_string(workspace_root().join(path)).unwrap()
}

/// What is between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Source with the lines joined that a `\` at their end continues.
fn joined(code: &str) -> String {
    let mut joined = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("\\\n") {
        joined.push_str(before);
        rest = after.trim_start();
    }
    joined.push_str(rest);
    joined
}

/// `get_system_info` is `GetSystemInfo`.
fn pascal_case(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_uppercase() + rest
        })
        .collect()
}
