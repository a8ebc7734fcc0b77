//! Markdown of this repository, as its tests and the site of the documentation look at it: links, headings, commands.

use std::{collections::BTreeSet, fs, ops::Range, path::Path};

use anyhow::{Context as _, Result};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::workspace_root;

/// Languages of blocks that are typed into a shell.
const SHELLS: &[&str] = &["sh", "console"];

/// Stands behind the language of a block whose commands no test can check.
const UNCHECKED: &str = "unchecked";

/// What stands for a variable or the output of a command: a number, so that ports and counts parse.
const VALUE: &str = "1";

/// Words of a shell behind which another command begins.
const SEPARATORS: &[&str] = &["|", "||", "&&", "&", ";"];

/// A file in Markdown.
#[derive(Clone, Debug)]
pub struct Page {
    /// Relative to the root of this repository, with `/`.
    pub path: String,
    /// All that is in it.
    pub text: String,
}

/// A link of a page.
#[derive(Clone, Debug)]
pub struct Link {
    /// A path, `#` and an anchor, or an address elsewhere.
    pub target: String,
    /// Where the link is in the page, with its text.
    pub range: Range<usize>,
}

/// What a page has typed into a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellBlock {
    /// Its commands in words, without variables in front, redirections and comments.
    pub commands: Vec<Vec<String>>,
    /// The page says that no test can check it.
    pub is_unchecked: bool,
}

impl Page {
    /// All pages of this repository, sorted by their paths.
    ///
    /// # Errors
    /// A file or folder cannot be read.
    pub fn all() -> Result<Vec<Self>> {
        let mut found = Vec::new();
        collect(&workspace_root(), "", &mut found)?;
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    /// Links to pages, files and elsewhere.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        let links = self.events().filter_map(|(event, range)| match event {
            Event::Start(Tag::Link { dest_url, .. }) => Some(Link { target: dest_url.into_string(), range }),
            _ => None,
        });
        links.collect()
    }

    /// What links can name behind `#`: headings, as GitHub and mdBook spell them.
    #[must_use]
    pub fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        let mut heading: Option<String> = None;
        for (event, _) in self.events() {
            match (event, &mut heading) {
                (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
                (Event::Text(text) | Event::Code(text), Some(heading)) => heading.push_str(&text),
                (Event::End(TagEnd::Heading(_)), _) => {
                    let anchor = anchor(&heading.take().unwrap_or_default());
                    let again = (1..).map(|number| format!("{anchor}-{number}"));
                    let free = std::iter::once(anchor.clone()).chain(again);
                    anchors.extend(free.into_iter().find(|each| !anchors.contains(each)));
                }
                _ => {}
            }
        }
        anchors
    }

    /// Where the texts of blocks of code are in the page, with what stands behind their opening fence.
    #[must_use]
    pub fn fences(&self) -> Vec<(String, Range<usize>)> {
        let fences = self.events().filter_map(|(event, range)| match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => Some((info.into_string(), range)),
            _ => None,
        });
        fences.collect()
    }

    /// What is to be typed into a shell.
    #[must_use]
    pub fn shell_blocks(&self) -> Vec<ShellBlock> {
        let mut blocks = Vec::new();
        let mut current: Option<(String, String)> = None;
        for (event, _) in self.events() {
            match (event, &mut current) {
                (Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))), _) => {
                    current = Some((info.into_string(), String::new()));
                }
                (Event::Text(text), Some((_, code))) => code.push_str(&text),
                (Event::End(TagEnd::CodeBlock), _) => {
                    let (info, code) = current.take().unwrap_or_default();
                    let mut words = info.split_whitespace();
                    let language = words.next().unwrap_or_default();
                    if SHELLS.contains(&language) {
                        let commands = if language == "console" { typed(&code) } else { code };
                        let is_unchecked = words.any(|word| word == UNCHECKED);
                        blocks.push(ShellBlock { commands: shell_commands(&commands), is_unchecked });
                    }
                }
                _ => {}
            }
        }
        blocks
    }

    /// Code within sentences and tables.
    #[must_use]
    pub fn code_spans(&self) -> Vec<String> {
        let spans = self.events().filter_map(|(event, _)| match event {
            Event::Code(code) => Some(code.into_string()),
            _ => None,
        });
        spans.collect()
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES).into_offset_iter()
    }
}

/// A path relative to the file that links it, as one relative to the root of this repository.
#[must_use]
pub fn beside(page: &str, path: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The commands of a script in words, without variables in front, redirections and comments.
#[must_use]
pub fn shell_commands(script: &str) -> Vec<Vec<String>> {
    let script = without_substitutions(&script.replace("\\\n", " "));
    let mut commands = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        // A line with an open quote is text of another kind.
        let mut words = shlex::split(line).unwrap_or_default().into_iter();
        let mut command = Vec::new();
        while let Some(word) = words.next() {
            if SEPARATORS.contains(&word.as_str()) {
                commands.push(std::mem::take(&mut command));
            } else if word.trim_start_matches('2').starts_with(['<', '>']) {
                if word.ends_with(['<', '>']) {
                    words.next();
                }
            } else if !(command.is_empty() && (is_assignment(&word) || is_prefix(&word))) {
                command.push(word);
            }
        }
        commands.push(command);
    }
    commands.retain(|command| !command.is_empty());
    commands
}

/// `$(…)`, `$1`, `$NAME` and `${NAME}` become a value.
fn without_substitutions(script: &str) -> String {
    let mut replaced = String::with_capacity(script.len());
    let mut rest = script;
    while let Some((before, after)) = rest.split_once('$') {
        replaced.push_str(before);
        let end = match after.chars().next() {
            Some('(') => after.find(')').map(|end| end + 1),
            Some('{') => after.find('}').map(|end| end + 1),
            _ => after.find(|each: char| !each.is_ascii_alphanumeric() && each != '_'),
        };
        let end = end.unwrap_or(after.len());
        replaced.push_str(if end == 0 { "$" } else { VALUE });
        rest = &after[end..];
    }
    replaced + rest
}

fn is_assignment(word: &str) -> bool {
    let is_name = |name: &str| name.chars().all(|each| each.is_ascii_uppercase() || each == '_');
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}

fn is_prefix(word: &str) -> bool {
    ["exec", "sudo"].contains(&word)
}

/// The lines of a session that are not answers.
fn typed(session: &str) -> String {
    session.lines().filter_map(|line| line.strip_prefix("$ ")).flat_map(|line| [line, "\n"]).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|each| each.is_alphanumeric() || " _-".contains(*each));
    kept.flat_map(char::to_lowercase).map(|each| if each == ' ' { '-' } else { each }).collect()
}

fn collect(folder: &Path, path: &str, found: &mut Vec<Page>) -> Result<()> {
    let shown = || folder.display().to_string();
    for entry in fs::read_dir(folder).with_context(shown)? {
        let entry = entry.with_context(shown)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        let own = if path.is_empty() { name } else { format!("{path}/{name}") };
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &own, found)?;
        } else if Path::new(&own).extension().is_some_and(|ending| ending == "md") {
            let text = fs::read_to_string(entry.path()).with_context(|| own.clone())?;
            found.push(Page { path: own, text });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, expected: &[&[&str]]) {
        assert_eq!(shell_commands(script), expected, "{script}");
    }

    #[test]
    fn scripts_are_commands_in_words() {
        check(
            "# why\nhost run \\\n  --listen 127.0.0.1:$1 &",
            &[&["host", "run", "--listen", "127.0.0.1:1"]],
        );
        check("A_B=$(mktemp -d) host man | man -l -", &[&["host", "man"], &["man", "-l", "-"]]);
        check("host list --query 'A > 1' >x.json 2> log", &[&["host", "list", "--query", "A > 1"]]);
        check("sudo host man \"$(pwd)\" && exec true # done", &[&["host", "man", "1"], &["true"]]);
        check("x=1 costs 5$", &[&["x=1", "costs", "5$"]]);
    }

    #[test]
    fn pages_have_links_anchors_and_blocks() {
        let text = "# A `b`, c!\n## A b c\n[x](y.md#z) `host run`\n```sh unchecked\nls\n```\n```console\n$ a\nb\n```\n";
        let page = Page { path: "x.md".to_owned(), text: text.to_owned() };
        assert_eq!(page.anchors().into_iter().collect::<Vec<_>>(), ["a-b-c", "a-b-c-1"]);
        let links = page.links();
        assert_eq!(links[0].target, "y.md#z");
        assert_eq!(&text[links[0].range.clone()], "[x](y.md#z)");
        assert_eq!(page.code_spans(), ["b", "host run"]);
        let block = |command: &str, is_unchecked| ShellBlock {
            commands: vec![vec![command.to_owned()]],
            is_unchecked,
        };
        assert_eq!(page.shell_blocks(), [block("ls", true), block("a", false)]);
    }
}
