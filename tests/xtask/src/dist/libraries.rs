//! The shared libraries that a binary needs, as `readelf` of binutils tells.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::output;

/// The program of binutils that knows a target's files.
pub(super) fn tool(target: &str, name: &str) -> String {
    let prefix = target.replace("-unknown-", "-");
    let own = format!("{prefix}-{name}");
    let is_there = Command::new(&own).arg("--version").output().is_ok();
    if is_there { own } else { name.to_owned() }
}

/// The folder that has the target's `lib`: this machine's, or that of Debian's cross compilers.
pub(super) fn root(target: &str) -> PathBuf {
    let cross = PathBuf::from("/usr").join(target.replace("-unknown-", "-"));
    if cross.join("lib/libc.so.6").exists() { cross } else { PathBuf::from("/") }
}

/// Loader and libraries of a binary: each by the path under which it is looked for, and where it is on this machine. None for
/// one that is linked statically.
///
/// # Errors
/// A library is not there.
pub(super) fn needed(binary: &Path, target: &str) -> Result<Vec<(PathBuf, PathBuf)>> {
    let root = root(target);
    let headers = output(Command::new("readelf").args(["--program-headers", "--wide"]).arg(binary))?;
    let Some(loader) = between(&headers, "program interpreter: ", "]").next() else { return Ok(Vec::new()) };
    let triple = target.replace("-unknown-", "-");
    let folders = [PathBuf::from("lib"), Path::new("lib").join(triple), "lib64".into(), "usr/lib".into()];
    let mut found = vec![(PathBuf::from(loader), root.join(loader.trim_start_matches('/')))];
    let mut seen =
        BTreeSet::from([Path::new(loader).file_name().context("no name")?.to_string_lossy().into_owned()]);
    let mut open = vec![binary.to_owned()];
    while let Some(file) = open.pop() {
        let dynamic = output(Command::new("readelf").args(["--dynamic", "--wide"]).arg(&file))?;
        for name in between(&dynamic, "Shared library: [", "]") {
            if !seen.insert(name.to_owned()) {
                continue;
            }
            let mut places = folders.iter().map(|folder| root.join(folder).join(name));
            let place = places.find(|place| place.exists());
            let place =
                place.with_context(|| format!("{name}, which {} needs, is not there", file.display()))?;
            // Every loader looks there.
            found.push((Path::new("/lib").join(name), place.clone()));
            open.push(place);
        }
    }
    Ok(found)
}

fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}
