//! What the compiler tells authors of workflows: each file of `tests/authors` is a crate's source, checked for the sandbox. A
//! comment `//~ error: part of the message` names an error or `//~ warning: …` a warning of its line; there are no others.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// A line of a source, whether it is about an error or a warning, and the message.
type Told = (usize, String, String);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if arguments.list {
        return libtest_mimic::run(
            &arguments,
            sources().into_iter().map(|source| trial(&source, &[])).collect(),
        )
        .exit_code();
    }
    let messages = check();
    let trials = sources().into_iter().map(|source| trial(&source, &messages)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn sources() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/authors");
    let mut sources: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    sources.sort();
    sources
}

fn name(source: &Path) -> String {
    source.file_stem().unwrap().to_str().unwrap().to_owned()
}

fn trial(source: &Path, messages: &[Value]) -> Trial {
    let expected = expected(&fs::read_to_string(source).unwrap());
    let told = told(messages, &name(source));
    Trial::test(name(source), move || {
        let is = |(line, level, part): &Told, (at, kind, message): &Told| {
            line == at && level == kind && message.contains(part.as_str())
        };
        let missing: Vec<_> =
            expected.iter().filter(|expected| !told.iter().any(|told| is(expected, told))).collect();
        let unexpected: Vec<_> =
            told.iter().filter(|told| !expected.iter().any(|expected| is(expected, told))).collect();
        if missing.is_empty() && unexpected.is_empty() {
            return Ok(());
        }
        Err(Failed::from(format!("not told: {missing:#?}; told instead: {unexpected:#?}")))
    })
}

/// What the comments of a source expect.
fn expected(source: &str) -> Vec<Told> {
    let comment = |(index, line): (usize, &str)| {
        let (level, message) = line.split_once("//~ ")?.1.split_once(": ")?;
        Some((index + 1, level.to_owned(), message.trim().to_owned()))
    };
    source.lines().enumerate().filter_map(comment).collect()
}

/// What the compiler said of a source: at the lines of the source that it points to first.
fn told(messages: &[Value], name: &str) -> Vec<Told> {
    let of_source = messages.iter().filter(|message| message["target"]["name"] == name);
    let diagnostics = of_source.map(|message| &message["message"]).filter(|diagnostic| {
        // The count of errors and the like have no place.
        diagnostic["spans"].as_array().is_some_and(|spans| !spans.is_empty())
    });
    diagnostics
        .map(|diagnostic| {
            let spans = diagnostic["spans"].as_array().unwrap();
            let primary = spans.iter().find(|span| span["is_primary"] == true).unwrap();
            let line = usize::try_from(primary["line_start"].as_u64().unwrap()).unwrap();
            let text = |field: &str| diagnostic[field].as_str().unwrap().to_owned();
            (line, text("level"), text("message"))
        })
        .collect()
}

/// Checks the sources as examples of one crate, for the sandbox. It has the lock file of this workspace, and a target folder
/// that is kept: what does not change is compiled once.
fn check() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("authors");
    let (root, sdk) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), "guest-sdk");
    let _ = fs::remove_dir_all(folder.join("examples"));
    fs::create_dir_all(folder.join("examples")).unwrap();
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/lib.rs"), "").unwrap();
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let manifest = format!(
        "[package]\nname = \"authors\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         guest-sdk = {{ path = {:?} }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n",
        root.join(sdk).canonicalize().unwrap()
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    for source in sources() {
        fs::copy(&source, folder.join("examples").join(source.file_name().unwrap())).unwrap();
    }
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(&folder)
        .args(["check", "--examples", "--keep-going", "--offline", "--target", guest_build::TARGET])
        .args(["--message-format", "json", "--target-dir", "target"])
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .output()
        .unwrap();
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let messages: Vec<Value> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let finished = messages.iter().any(|message| message["reason"] == "build-finished");
    let checked = messages.iter().any(|message| message["target"]["name"] == "authors");
    assert!(finished && checked, "{}", String::from_utf8_lossy(&output.stderr));
    messages
}
