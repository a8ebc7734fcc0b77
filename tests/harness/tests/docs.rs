//! The documentation speaks of what is there.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

mod commands;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use host_telemetry::{ALL, Description, Kind, Unit};
use test_harness::markdown::{Link, Page, beside};
use test_harness::workspace_root;

/// The contents of the site.
const SUMMARY: &str = "docs/SUMMARY.md";

/// Pages for who is at their place in the tree.
const NOT_IN_SITE: &[&str] =
    &[SUMMARY, "host/cli/template/README.md", "host/wire/descriptor/README.md", "tests/histories/README.md"];

/// Texts whose tables quote messages of the host in their first column.
const MESSAGES: &[(&str, &str)] =
    &[("docs/errors.md", "## Command line and connection"), ("docs/operations.md", "## Logs that matter")];

/// A shorter part of a message may be anywhere by chance.
const SHORTEST_PART: usize = 8;

/// Flags, and what tonic says.
const NOT_MESSAGES: &[&str] = &["--task-queue", "--modules", "Not yet implemented", "Unimplemented"];

#[test]
fn links_lead_somewhere() {
    let pages = Page::all().unwrap();
    let anchors: BTreeMap<&str, BTreeSet<String>> =
        pages.iter().map(|page| (page.path.as_str(), page.anchors())).collect();
    let mut wrong = Vec::new();
    for page in &pages {
        for Link { target, .. } in page.links() {
            // Elsewhere, or a name of the code that rustdoc links.
            if target.contains("://") || target.contains("::") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path = if path.is_empty() { page.path.clone() } else { beside(&page.path, path) };
            let is_there = match anchors.get(path.as_str()) {
                Some(anchors) => anchor.is_empty() || anchors.contains(anchor),
                None => anchor.is_empty() && workspace_root().join(&path).exists(),
            };
            if !is_there {
                wrong.push(format!("{}: {target}", page.path));
            }
        }
    }
    assert!(wrong.is_empty(), "links to nothing: {wrong:#?}");
}

/// The site of the documentation has every page, but for those that are not for its readers.
#[test]
fn every_page_is_in_the_site() {
    let pages = Page::all().unwrap();
    let summary = pages.iter().find(|page| page.path == SUMMARY).unwrap();
    let chapters: Vec<String> =
        summary.links().into_iter().map(|link| beside(SUMMARY, &link.target)).collect();
    let wanted: BTreeSet<&str> = pages.iter().map(|page| page.path.as_str()).collect();
    let wanted: BTreeSet<&str> = &wanted - &NOT_IN_SITE.iter().copied().collect();
    assert_eq!(wanted, chapters.iter().map(String::as_str).collect());
    assert_eq!(wanted.len(), chapters.len(), "a page is there twice");
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

/// Grafana takes the file as it is: it asks for the Prometheus, and tells panels and their queries apart.
#[test]
fn the_dashboard_can_be_imported() {
    let dashboard: serde_json::Value = serde_json::from_str(&source("docs/grafana-dashboard.json")).unwrap();
    // Of Grafana 10; later versions bring it to theirs.
    assert_eq!(dashboard["schemaVersion"], 39);
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert!(variables.iter().any(|each| each["name"] == "datasource" && each["query"] == "prometheus"));
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: another panel has its id");
        let [x, y, width, height] = ["x", "y", "w", "h"].map(|part| panel["gridPos"][part].as_u64().unwrap());
        assert!(x + width <= 24, "{title} is wider than the 24 columns");
        for place in (x..x + width).flat_map(|column| (y..y + height).map(move |row| (column, row))) {
            assert!(places.insert(place), "{title} covers another panel");
        }
        let mut names = BTreeSet::new();
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert!(names.insert(target["refId"].as_str().unwrap()), "{title}: two queries of one name");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
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
