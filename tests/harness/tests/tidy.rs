//! How the sources look: no long files, no comments that say nothing.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand, Package, semver::VersionReq};
use test_harness::workspace_root;

/// Where sources are.
const FOLDERS: &[&str] = &["guest-sdk", "host", "sample-workflows", "tests", "wit"];

/// Most lines of a Rust file.
const MAX_LINES: usize = 500;

/// Files that have more lines, and why.
const LONG_FILES: &[(&str, &str)] = &[
    ("host/server/src/execution/tests/script.rs", "one arm for each word of the scripts' language"),
    ("host/server/tests/service.rs", "cases of one kind, each a few lines"),
];

/// What comments do not call a caller, a worker, a client or an operator; and phrases to guess at.
const RIDDLES: &[&str] = &["nobody", "somebody", "whoever", "what it comes to", "what they come to"];

/// Where comments may not have them yet.
const CLEAR: &[&str] = &[
    "guest-sdk",
    "host/activities",
    "host/cli",
    "host/client",
    "host/core",
    "host/page",
    "host/sandbox",
    "host/service",
    "host/text",
    "host/wire",
    "host/worker",
    "sample-workflows",
    "tests",
    "wit",
];

/// This file quotes them.
const SELF: &str = "tests/harness/tests/tidy.rs";

#[test]
fn no_file_is_long() {
    let mut wrong = Vec::new();
    for (path, text) in sources(&["rs"]) {
        let lines = text.lines().count();
        let excused = LONG_FILES.iter().any(|(long, _)| *long == path);
        if lines > MAX_LINES && !excused {
            wrong.push(format!("{path} has {lines} lines, more than {MAX_LINES}: split it by concept"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn comments_name_what_they_speak_of() {
    let mut wrong = Vec::new();
    for (path, text) in sources(&["rs", "wit"]) {
        if path == SELF || !CLEAR.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        for (number, comment) in comments(&text) {
            let comment = comment.to_lowercase();
            for riddle in RIDDLES.iter().filter(|riddle| has_words(&comment, riddle)) {
                wrong.push(format!("{path}:{number}: `{riddle}`: say who or what it is"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A doc comment of one word satisfies a lint, and tells less than the name of what it is about.
#[test]
fn docs_have_more_than_one_word() {
    let mut wrong = Vec::new();
    for (path, text) in sources(&["rs"]) {
        if !CLEAR.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        let is_doc = |number: Option<usize>| {
            number.and_then(|number| lines.get(number)).is_some_and(|line| line.starts_with("///"))
        };
        for (number, line) in lines.iter().enumerate() {
            let Some(doc) = line.strip_prefix("///") else { continue };
            let alone = !is_doc(number.checked_sub(1)) && !is_doc(Some(number + 1));
            let names_code = doc.trim_start().starts_with(['`', '[']);
            if alone && !names_code && doc.split_whitespace().count() < 2 {
                wrong.push(format!("{path}:{}: `{line}`: give unit, range, origin or use", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All files with one of these endings: path from the root, and text.
fn sources(endings: &[&str]) -> Vec<(String, String)> {
    let root = workspace_root();
    let mut found = Vec::new();
    for folder in FOLDERS {
        collect(&root.join(folder), endings, &mut found);
    }
    assert!(!found.is_empty());
    found.sort();
    let name = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
    found.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, endings, found);
            }
        } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
            found.push(path);
        }
    }
}

/// Lines with what they have behind `//`.
fn comments(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.filter_map(|(number, line)| Some((number + 1, line.split_once("//")?.1)))
}

/// Whether a text has these words, not as parts of other words.
fn has_words(text: &str, words: &str) -> bool {
    let is_word = |character: Option<char>| character.is_some_and(|it| it.is_alphanumeric() || it == '_');
    text.match_indices(words).any(|(start, _)| {
        !is_word(text[..start].chars().next_back()) && !is_word(text[start + words.len()..].chars().next())
    })
}

/// What a registry asks of a crate, and its page shows: a crate that is published later needs nothing more than an address of
/// its repository. Crates of tests and samples stay here.
#[test]
fn crates_have_what_a_registry_needs() {
    let metadata = MetadataCommand::new().current_dir(workspace_root()).no_deps().exec().unwrap();
    let is_for_users =
        |path: &str| ["guest-sdk", "host"].iter().any(|folder| path.contains(&format!("/{folder}/")));
    let own: Vec<&Package> =
        metadata.packages.iter().filter(|package| is_for_users(package.manifest_path.as_str())).collect();
    let names: Vec<&str> = own.iter().map(|package| package.name.as_str()).collect();
    let mut wrong = Vec::new();
    for package in &own {
        let mut lacks = |what: &str, is_there: bool| {
            if !is_there {
                wrong.push(format!("{}: {what}", package.name));
            }
        };
        lacks("a description", package.description.as_ref().is_some_and(|text| text.len() > 20));
        lacks("a licence", package.license.is_some());
        lacks("a file for its page", package.readme().is_some_and(|path| path.exists()));
        lacks("1 to 5 keywords", (1..=5).contains(&package.keywords.len()));
        lacks("categories", !package.categories.is_empty());
        for dependency in &package.dependencies {
            let is_of_tests = dependency.kind == DependencyKind::Development;
            let is_ours = dependency.path.is_some();
            let is_published =
                names.contains(&dependency.name.as_str()) && dependency.req != VersionReq::STAR;
            lacks(&format!("a version of {}", dependency.name), is_of_tests || !is_ours || is_published);
        }
    }
    assert!(own.len() > 20, "{}", own.len());
    assert!(wrong.is_empty(), "these lack something: {wrong:#?}");
}
