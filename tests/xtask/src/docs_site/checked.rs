//! Links of the site: each leads to a file of it, and to a place in that file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};

/// Pages that mdBook makes of all others, or of none.
const MADE_UP: &[&str] = &["print.html", "404.html", "toc.html"];

/// Follows every link of the pages in a folder, and answers how many pages there are.
///
/// # Errors
/// A link leads to nothing, or a file cannot be read.
pub(super) fn check(site: &Path) -> Result<usize> {
    let mut pages = BTreeMap::new();
    collect(site, &mut pages)?;
    let mut wrong = Vec::new();
    for (path, text) in &pages {
        for target in attributes(text, "href").chain(attributes(text, "src")) {
            if target.contains(':') {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let there = if file.is_empty() { path.clone() } else { joined(path, file) };
            let is_there = match pages.get(&there) {
                Some(text) => anchor.is_empty() || attributes(text, "id").any(|id| id == anchor),
                None => there.is_file(),
            };
            if !is_there {
                wrong.push(format!("{}: {target}", path.strip_prefix(site)?.display()));
            }
        }
    }
    let wrong: BTreeSet<String> = wrong.into_iter().collect();
    ensure!(wrong.is_empty(), "links of the site to nothing: {wrong:#?}");
    Ok(pages.len())
}

fn collect(folder: &Path, pages: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_made_up = MADE_UP.iter().any(|name| path.ends_with(name));
        if path.is_dir() {
            collect(&path, pages)?;
        } else if path.extension().is_some_and(|ending| ending == "html") && !is_made_up {
            let text = fs::read_to_string(&path)?;
            pages.insert(path, text);
        }
    }
    Ok(())
}

/// The values of an attribute, as mdBook writes them.
fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let opening = format!(" {name}=\"");
    let values: Vec<&str> =
        html.split(opening.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    values.into_iter()
}

fn joined(page: &Path, target: &str) -> PathBuf {
    let mut path = page.to_owned();
    path.pop();
    for part in target.split('/') {
        match part {
            ".." => drop(path.pop()),
            "." | "" => {}
            part => path.push(part),
        }
    }
    path
}
