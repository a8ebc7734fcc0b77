//! Scripts of completion, and manual pages.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use test_harness::{Missing, run};

use crate::service::host;

/// Where `bash` is.
pub(crate) fn bash() -> Result<PathBuf, Missing> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join("bash"));
    found.find(|file| file.is_file()).ok_or_else(|| Missing::new("no `bash` on PATH"))
}

/// The shell reads the script, and completes commands, flags and values with it.
pub(crate) fn bash_completes(bash: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("host");
    fs::write(&script, printed(&["completion", "bash"])).unwrap();
    let parsed = run(Command::new(bash).arg("-n").arg(&script)).unwrap();
    assert_eq!((parsed.code, parsed.stderr.as_str()), (0, ""));
    let check = |words: &str, expected: &[&str]| {
        let last = words.split_whitespace().count() - 1 + usize::from(words.ends_with(' '));
        let ask = format!(
            "source {}; COMP_WORDS=({words} ''); COMP_CWORD={last}; COMPREPLY=(); \
             _host host \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{last} - 1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let completed = run(Command::new(bash).args(["--norc", "-c", &ask])).unwrap();
        assert_eq!((completed.code, completed.stderr.as_str()), (0, ""), "{words}");
        let lines: Vec<&str> = completed.stdout.lines().collect();
        for expected in expected {
            assert!(lines.contains(expected), "{words}: {lines:?}");
        }
    };
    check("host ", &["run", "workflow", "completion"]);
    check("host workflow st", &["start", "stack"]);
    check("host workflow start --work", &["--workflow-id"]);
    check("host completion ", &["bash", "fish", "zsh"]);
}

/// Of the other shells only what their scripts are made of is known to this test.
pub(crate) fn other_shells_have_scripts() {
    assert!(printed(&["completion", "zsh"]).starts_with("#compdef host\n"));
    assert!(printed(&["completion", "fish"]).contains("complete -c host "));
    let unknown = run(&mut host(&["completion", "tcsh"])).unwrap();
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("bash, zsh, fish"), "{}", unknown.stderr);
}

/// Each command that `--help` lists has a page, at every depth, which has the examples of its help with their lines.
pub(crate) fn each_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    printed(&["man", pages.to_str().unwrap()]);
    let mut expected = 0;
    let mut commands: Vec<Vec<String>> = vec![vec![]];
    while let Some(command) = commands.pop() {
        let name = [&["host".to_owned()], &command[..]].concat().join("-");
        let page = fs::read_to_string(pages.join(format!("{name}.1")));
        let page = page.unwrap_or_else(|error| panic!("{name}: {error}"));
        for part in [".SH NAME\n", ".SH SYNOPSIS\n", concat!("\"host ", env!("CARGO_PKG_VERSION"), "\"")] {
            assert!(page.contains(part), "{name}: {page}");
        }
        expected += 1;
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let help = printed(&[&words[..], &["--help"]].concat());
        if let Some((_, examples)) = help.split_once("\nExamples:\n") {
            // The help breaks long lines, and the page does not.
            let first = examples.lines().next().unwrap().trim().replace('-', "\\-").replace('\'', "\\*(Aq");
            let (_, shown) =
                page.split_once(".SH EXAMPLES\n.nf\n").unwrap_or_else(|| panic!("{name}: {page}"));
            assert!(shown.trim_start().starts_with(&first), "{name}: {first:?} {shown}");
        }
        let listed = help.split_once("\nCommands:\n").map(|(_, rest)| rest.split("\n\n").next().unwrap());
        for line in listed.into_iter().flat_map(str::lines) {
            // Further lines of a description are indented more.
            let subcommand = line.strip_prefix("  ").filter(|line| !line.starts_with(' '));
            let subcommand = subcommand.and_then(|line| line.split_whitespace().next());
            if let Some(subcommand) = subcommand.filter(|subcommand| *subcommand != "help") {
                commands.push([&command[..], &[subcommand.to_owned()]].concat());
            }
        }
    }
    assert!(expected > 80, "{expected}");
    assert_eq!(fs::read_dir(&pages).unwrap().count(), expected);
    assert!(printed(&["man"]).contains("host\\-workflow(1)"));
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = run(&mut host(&["man", file.to_str().unwrap()])).unwrap();
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("failed to make"), "{}", refused.stderr);
}

fn printed(arguments: &[&str]) -> String {
    let output = run(&mut host(arguments)).unwrap();
    assert_eq!(output.code, 0, "{arguments:?}: {}", output.stderr);
    output.stdout
}
