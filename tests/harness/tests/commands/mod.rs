//! What the documentation has its readers type: recipes, packages and files that are there. Commands of `host` are parsed by
//! `host/cli/src/command/documented.rs`.

use std::{collections::BTreeSet, fs, path::Path};

use cargo_metadata::{MetadataCommand, Package};
use test_harness::{markdown::Page, workspace_root};

/// Programs of others, and of shells.
const OTHERS: &[&str] =
    &["cd", "clang", "curl", "docker", "mkdir", "minisign", "sed", "skopeo", "sort", "wc"];

/// Subcommands of cargo that need no alias; `machete` and `deny` are programs that recipes name.
const CARGO: &[&str] = &[
    "add", "bench", "build", "clippy", "deny", "doc", "fmt", "install", "machete", "run", "rustc", "test",
    "tree",
];

/// Blocks of commands whose pages say that no test can check them.
const UNCHECKED: usize = 0;

/// Where aliases of cargo are: of this repository, and of a crate that `host new` makes.
const ALIASES: &[&str] = &[".cargo/config.toml", "host/cli/template/cargo-config.toml"];

/// Every command in a block is one that this test or the one of `host` knows.
#[test]
fn commands_are_known() {
    let known = Known::read();
    let (mut wrong, mut checked, mut unchecked) = (Vec::new(), 0, 0);
    for page in Page::all().unwrap() {
        for block in page.shell_blocks() {
            if block.is_unchecked {
                unchecked += 1;
                continue;
            }
            for command in block.commands {
                checked += 1;
                if let Err(why) = known.check(&command) {
                    wrong.push(format!("{}: {}: {why}", page.path, command.join(" ")));
                }
            }
        }
        for span in page.code_spans() {
            let mut words = span.split_whitespace();
            let recipe = words.next().filter(|word| *word == "just").and_then(|_| words.next());
            if recipe.is_some_and(|recipe| !known.recipes.contains(recipe)) {
                wrong.push(format!("{}: `{span}`: no such recipe", page.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 50, "{checked}");
    assert_eq!(unchecked, UNCHECKED);
}

/// What a command can name.
struct Known {
    recipes: BTreeSet<String>,
    aliases: BTreeSet<String>,
    packages: Vec<Package>,
}

impl Known {
    fn read() -> Self {
        let read = |path: &str| fs::read_to_string(workspace_root().join(path)).unwrap();
        let recipes = read("justfile");
        let recipes = recipes.lines().filter(|line| line.starts_with(|each: char| each.is_ascii_lowercase()));
        let recipes = recipes.filter_map(|line| line.split([' ', ':']).next().map(str::to_owned)).collect();
        let mut aliases = BTreeSet::new();
        for path in ALIASES {
            let text = read(path);
            let section = text.split_once("[alias]\n").unwrap().1.split("\n[").next().unwrap();
            aliases.extend(section.lines().filter_map(|line| Some(line.split_once(" = \"")?.0.to_owned())));
        }
        let metadata = MetadataCommand::new().current_dir(workspace_root()).no_deps().exec().unwrap();
        Self { recipes, aliases, packages: metadata.packages }
    }

    fn check(&self, command: &[String]) -> Result<(), String> {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let (program, rest) = words.split_first().unwrap();
        match *program {
            "host" => Ok(()),
            "just" => {
                let recipe = rest.first().copied().unwrap_or("default");
                self.recipes.contains(recipe).then_some(()).ok_or_else(|| "no such recipe".to_owned())
            }
            "cargo" => self.check_cargo(rest),
            path if path.contains('/') => {
                let there = workspace_root().join(Path::new(path)).is_file();
                there.then_some(()).ok_or_else(|| "no such file".to_owned())
            }
            other if OTHERS.contains(&other) => Ok(()),
            _ => {
                Err("no test knows this program: add it to OTHERS, or mark the block `unchecked`".to_owned())
            }
        }
    }

    fn check_cargo(&self, words: &[&str]) -> Result<(), String> {
        let subcommand = *words.first().ok_or("no subcommand")?;
        if self.aliases.contains(subcommand) {
            return Ok(());
        }
        if !CARGO.contains(&subcommand) {
            return Err("no such subcommand".to_owned());
        }
        let own = words.split(|word| *word == "--").next().unwrap_or_default();
        let pairs = own.windows(2).filter(|_| !["add", "install"].contains(&subcommand));
        for pair in pairs {
            let (flag, name) = (pair[0], pair[1]);
            let of_kind = |kind: &str| {
                let mut targets = self.packages.iter().flat_map(|package| &package.targets);
                // The tests of a crate that `host new` makes are those of its template.
                targets.any(|target| {
                    target.name == name && target.kind.iter().any(|own| own.to_string() == kind)
                })
            };
            let is_there = match flag {
                "-p" | "--package" => self.packages.iter().any(|package| package.name.as_str() == name),
                "--bin" | "--example" | "--test" | "--bench" => of_kind(&flag[2..]),
                _ => true,
            };
            if !is_there {
                return Err(format!("there is no {flag} {name}"));
            }
        }
        Ok(())
    }
}
