//! Commands of `host` in the documentation and in the help itself: the parser takes each, and names what it does not know.

use std::collections::BTreeMap;

use clap::{CommandFactory as _, Parser as _};
use test_harness::{
    markdown::{Page, shell_commands},
    workspace_root,
};

use super::CommandLine;

/// What `cargo serve` of a crate that `host new` makes stands for.
const SERVE: &str = "host run --task-queue hello --modules hello.wasm --data-dir data";

/// Pages that speak of commands that are no longer there.
const OF_THE_PAST: &[&str] = &["CHANGELOG.md"];

/// An error that begins as a command does.
const NOT_A_COMMAND: &str = "host verification cannot be disabled";

/// Every command in a block of a page.
#[test]
fn pages_have_commands_that_parse() {
    let mut wrong = Vec::new();
    let mut parsed = 0;
    for page in Page::all().unwrap() {
        for command in page.shell_blocks().into_iter().flat_map(|block| block.commands) {
            let Some(command) = of_host(&command) else { continue };
            parsed += 1;
            if let Err(why) = parse(&command) {
                wrong.push(format!("{}: {why}", page.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(parsed > 30, "{parsed}");
}

/// Every example of a command's help.
#[test]
fn helps_have_examples_that_parse() {
    let mut wrong = Vec::new();
    let mut parsed = 0;
    let mut commands = vec![CommandLine::command()];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().cloned());
        let help = command.get_after_long_help().or_else(|| command.get_after_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let examples = help.split_once("Examples:\n").map(|(_, examples)| examples).unwrap_or_default();
        for example in shell_commands(examples) {
            let Some(example) = of_host(&example) else { continue };
            parsed += 1;
            if let Err(why) = parse(&example) {
                wrong.push(format!("{}: {why}", command.get_name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(parsed > 80, "{parsed}");
}

/// The examples for systemd and Kubernetes.
#[test]
fn deployments_have_commands_that_parse() {
    let read = |name: &str| std::fs::read_to_string(workspace_root().join("docs/deploy").join(name)).unwrap();
    let (unit, pods) = (read("workflow-host.service"), read("kubernetes.yaml"));
    let started = unit.lines().filter_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/"));
    let started = started.flat_map(shell_commands);
    // A list on one line is JSON as well.
    let arguments = pods.lines().filter_map(|line| line.trim_start().strip_prefix("args: "));
    let arguments = arguments.map(|list| serde_json::from_str::<Vec<String>>(list).unwrap());
    let started = started.chain(arguments.map(|list| [vec!["host".to_owned()], list].concat()));
    let started: Vec<_> = started.collect();
    assert_eq!(started.len(), 3, "{started:?}");
    for command in started {
        assert_eq!(parse(&command), Ok(()));
    }
}

/// Commands within sentences, which may leave out what they need: subcommands and flags are there.
#[test]
fn sentences_name_commands_that_are_there() {
    let mut root = CommandLine::command();
    root.build();
    let mut wrong = BTreeMap::new();
    let mut named = 0;
    for page in Page::all().unwrap() {
        if OF_THE_PAST.contains(&page.path.as_str()) {
            continue;
        }
        for span in page.code_spans() {
            if let Some(words) = span.strip_prefix("host ").filter(|_| span != NOT_A_COMMAND) {
                named += 1;
                if let Err(why) = find(&root, words) {
                    wrong.insert(format!("{}: `{span}`", page.path), why);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(named > 100, "{named}");
}

#[test]
fn what_is_not_there_is_found() {
    let mut root = CommandLine::command();
    root.build();
    let check = |words: &str, expected: Result<(), &str>| {
        assert_eq!(find(&root, words), expected.map_err(str::to_owned), "{words}");
    };
    check("workflow reset|count --query 'A = 1'", Ok(()));
    check("server --listen-tls-…", Ok(()));
    check("workflow show -w ada -o json | head", Ok(()));
    check("modules zap", Err("modules has no zap"));
    check("workflow reset|zap", Err("workflow has no zap"));
    check("server check --zap", Err("check has no --zap"));
}

/// The command line that the program `host` gets, if it is that one.
fn of_host(command: &[String]) -> Option<Vec<String>> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let words = match words[..] {
        ["host", ..] => words,
        ["cargo", "serve", ..] => SERVE.split(' ').chain(words[2..].iter().copied()).collect(),
        // The entry point of the image.
        ["docker", "run", ..] => {
            let image = words.iter().position(|word| word.starts_with("workflow-host:"))?;
            ["host"].into_iter().chain(words[image + 1..].iter().copied()).collect()
        }
        // Also a sample, which has every subcommand.
        ["cargo", "run", ..] => {
            let from = words.iter().position(|word| *word == "--")?;
            ["host"].into_iter().chain(words[from + 1..].iter().copied()).collect()
        }
        _ => return None,
    };
    Some(words.into_iter().map(str::to_owned).collect())
}

fn parse(command: &[String]) -> Result<(), String> {
    use clap::error::ErrorKind;
    match CommandLine::try_parse_from(command) {
        Err(error) if !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Err(format!("{}: {}", command.join(" "), error.to_string().lines().next().unwrap_or_default()))
        }
        _ => Ok(()),
    }
}

fn find(root: &clap::Command, words: &str) -> Result<(), String> {
    let mut command = root;
    for word in words.split_whitespace().take_while(|word| *word != "|") {
        let word = word.trim_matches(['[', ']']);
        if let Some(flag) = word.strip_prefix("--").filter(|flag| !flag.is_empty()) {
            let flag = flag.split(['=', '…']).next().unwrap_or_default();
            // A flag that goes on with `…` stands for several.
            let is_it =
                |long: &str| if word.ends_with('…') { long.starts_with(flag) } else { long == flag };
            let mut names = command
                .get_arguments()
                .flat_map(|argument| argument.get_long_and_visible_aliases().into_iter().flatten());
            if !names.any(is_it) && !["help", "version"].contains(&flag) {
                return Err(format!("{} has no --{flag}", command.get_name()));
            }
            continue;
        }
        let is_name =
            !word.is_empty() && word.chars().all(|each| each.is_ascii_lowercase() || "-|".contains(each));
        if !command.has_subcommands() || !is_name {
            continue;
        }
        let mut found = None;
        for name in word.split('|') {
            let subcommand = command.find_subcommand(name);
            found = Some(subcommand.ok_or_else(|| format!("{} has no {name}", command.get_name()))?);
        }
        command = found.unwrap_or(command);
    }
    Ok(())
}
