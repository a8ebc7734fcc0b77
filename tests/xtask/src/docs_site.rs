//! `cargo xtask docs-site`: the documentation as a site, by mdBook.
//!
//! Pages stay where they are in the tree, and mdBook takes those of one folder only. So the pages that `docs/SUMMARY.md` names are
//! copied to one, with the files that they link; what rustdoc alone understands of the guide is written for mdBook.

mod checked;

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use test_harness::{
    markdown::{Link, Page, beside},
    workspace_root,
};

/// The contents, whose links are relative to it.
const SUMMARY: &str = "docs/SUMMARY.md";

/// Pages that are also documentation of a crate: their blocks are Rust where they do not say what they are.
const OF_RUSTDOC: &str = "guest-sdk/";

/// What rustdoc understands of a fence as Rust.
const RUST_FENCES: &[&str] = &["", "no_run"];

/// Makes the site in `target/docs-site/book`, and says so.
pub(crate) fn docs_site() -> Result<()> {
    let folder = crate::target_folder().join("docs-site");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let pages = Page::all()?;
    let summary = pages.iter().find(|page| page.path == SUMMARY).context(SUMMARY)?;
    let chapters: BTreeSet<String> =
        summary.links().iter().map(|link| beside(SUMMARY, &link.target)).collect();
    let sources = folder.join("src");
    let mut linked = BTreeSet::new();
    for page in pages.iter().filter(|page| chapters.contains(&page.path)) {
        write(&sources.join(&page.path), for_the_site(page, &chapters, &mut linked))?;
    }
    write(&sources.join("SUMMARY.md"), relinked(summary, |target| Some(beside(SUMMARY, target))))?;
    for path in &linked {
        copy(path, &sources)?;
    }
    fs::copy(workspace_root().join("docs/book.toml"), folder.join("book.toml"))?;

    let mut mdbook = Command::new("mdbook");
    let status = mdbook.arg("build").arg(&folder).status();
    let status = status.context("cannot start mdbook: `cargo install mdbook` brings it")?;
    ensure!(status.success(), "mdbook ended with {status}");
    let book = folder.join("book");
    let pages = checked::check(&book)?;
    eprintln!("{pages} pages, from {}", book.join("README.html").display());
    Ok(())
}

/// The text of a page with links that lead somewhere in the site. `linked` gets the files and folders that are no chapters.
fn for_the_site(page: &Page, chapters: &BTreeSet<String>, linked: &mut BTreeSet<String>) -> String {
    let text = relinked(page, |target| {
        // A name of the code.
        if target.contains("::") {
            return None;
        }
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let own = beside(&page.path, path);
        if target.contains("://") || path.is_empty() || chapters.contains(&own) {
            return Some(target.to_owned());
        }
        let is_folder = workspace_root().join(&own).is_dir();
        linked.insert(own);
        Some(if is_folder { format!("{}/index.html", path.trim_end_matches('/')) } else { target.to_owned() })
            .filter(|_| anchor.is_empty())
    });
    if page.path.starts_with(OF_RUSTDOC) { of_mdbook(&Page { text, ..page.clone() }) } else { text }
}

/// The text of a page with other targets of its links; where there is none the text of the link remains.
fn relinked(page: &Page, mut target: impl FnMut(&str) -> Option<String>) -> String {
    let mut text = page.text.clone();
    // From behind, so that places before stay what they are.
    for Link { target: old, range } in page.links().into_iter().rev() {
        let written = &page.text[range.clone()];
        let Some(label) = written.strip_suffix(&format!("]({old})")) else { continue };
        let new = match target(&old) {
            Some(new) => format!("{label}]({new})"),
            None => label.trim_start_matches('[').to_owned(),
        };
        text.replace_range(range, &new);
    }
    text
}

/// Names of the code in brackets, which rustdoc links, without them; fences with the language that rustdoc takes them to have.
fn of_mdbook(page: &Page) -> String {
    let mut text = page.text.clone();
    for (info, range) in page.fences().into_iter().rev() {
        if RUST_FENCES.contains(&info.as_str()) {
            let fence = format!("```{info}");
            text.replace_range(range.start..range.start + fence.len(), "```rust");
        }
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("[`") {
        plain.push_str(before);
        let name = after.split_once("`]").filter(|(name, _)| !name.contains(['`', '\n']));
        match name.filter(|(_, behind)| !behind.starts_with(['(', '['])) {
            Some((name, behind)) => {
                let name = name.split_once('@').map_or(name, |(_kind, name)| name);
                plain.push_str(&format!("`{name}`"));
                rest = behind;
            }
            None => {
                plain.push_str("[`");
                rest = after;
            }
        }
    }
    plain + rest
}

/// Copies a file, or what git has of a folder with a page that lists it.
fn copy(path: &str, sources: &Path) -> Result<()> {
    let from = workspace_root().join(path);
    if !from.is_dir() {
        return write(&sources.join(path), fs::read(&from).with_context(|| path.to_owned())?);
    }
    let output = Command::new("git").args(["ls-files", "-z", path]).current_dir(workspace_root()).output();
    let output = output.context("cannot start git")?;
    ensure!(output.status.success(), "git ls-files {path}: {}", String::from_utf8_lossy(&output.stderr));
    let mut items = String::new();
    for file in String::from_utf8(output.stdout)?.split_terminator('\0') {
        // Pages are rendered; those of a folder are no chapters.
        if !file.ends_with(".md") {
            copy(file, sources)?;
            let own = file.trim_start_matches(path).trim_start_matches('/');
            items.push_str(&format!("<li><a href=\"{own}\">{own}</a></li>\n"));
        }
    }
    let list = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>{path}</title>\n<h1>{path}</h1>\n<ul>\n{items}</ul>\n"
    );
    write(&sources.join(path).join("index.html"), list)
}

fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<()> {
    fs::create_dir_all(path.parent().context("no folder")?)?;
    fs::write(path, text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &str) {
        let page = Page { path: path.to_owned(), text: text.to_owned() };
        let mut linked = BTreeSet::new();
        let chapters = ["docs/errors.md".to_owned()].into();
        let text = for_the_site(&page, &chapters, &mut linked);
        assert_eq!(format!("{text} {linked:?}"), expected);
    }

    #[test]
    fn links_lead_to_chapters_files_and_lists() {
        check(
            "README.md",
            "[e](docs/errors.md#x) [`h`](https://a.b)",
            "[e](docs/errors.md#x) [`h`](https://a.b) {}",
        );
        check(
            "README.md",
            "[w](wit/), [t](justfile)",
            r#"[w](wit/index.html), [t](justfile) {"justfile", "wit"}"#,
        );
    }

    #[test]
    fn the_guide_is_written_for_mdbook() {
        check("guest-sdk/GUIDE.md", "[`a`](b::c) [`d!`] [`mod@e`]", "`a` `d!` `e` {}");
        check(
            "guest-sdk/GUIDE.md",
            "```no_run\na\n```\n\n```sh\nb\n```",
            "```rust\na\n```\n\n```sh\nb\n``` {}",
        );
    }
}
