//! No circles of imports inside a crate: files that import each other can only be understood together. Two
//! files may import each other, as a module and its part do.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{MetadataCommand, Target};

use source::Crate;

/// The number of files that may import each other.
const MAX_CIRCLE_FILES: usize = 2;

/// The folders of the checked crates.
const FOLDERS: &[&str] = &["guest-sdk", "host"];

#[test]
fn files_do_not_import_in_circles() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.strip_prefix(&metadata.workspace_root).unwrap();
        if !FOLDERS.iter().any(|checked| folder.starts_with(checked)) {
            continue;
        }
        for target in package.targets.iter().filter(|target| has_modules(target)) {
            let source = Crate::read(target.src_path.as_std_path());
            for circle in circles(&source.imports()) {
                let root = target.src_path.parent().unwrap().as_std_path();
                let files: Vec<_> = circle.iter().map(|file| relative(file, root)).collect();
                wrong.push((package.name.to_string(), files));
            }
        }
    }
    assert!(wrong.is_empty(), "files that import each other in a circle: {wrong:#?}");
}

/// Whether a target is the library or a program, not a test or example.
fn has_modules(target: &Target) -> bool {
    target.is_lib() || target.is_bin() || target.is_proc_macro()
}

fn relative(file: &Path, root: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

/// The sets of more than [`MAX_CIRCLE_FILES`] files that reach each other by imports.
fn circles(imports: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Vec<BTreeSet<&PathBuf>> {
    let reached: BTreeMap<_, _> = imports.keys().map(|file| (file, reached_from(file, imports))).collect();
    let mut found: Vec<BTreeSet<&PathBuf>> = Vec::new();
    for (file, others) in &reached {
        let circle: BTreeSet<_> =
            others.iter().filter(|other| reached[*other].contains(*file)).copied().collect();
        if circle.len() > MAX_CIRCLE_FILES && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

fn reached_from<'a>(
    file: &'a PathBuf,
    imports: &'a BTreeMap<PathBuf, BTreeSet<PathBuf>>,
) -> BTreeSet<&'a PathBuf> {
    let mut reached = BTreeSet::new();
    let mut queue = vec![file];
    while let Some(next) = queue.pop() {
        queue.extend(imports[next].iter().filter(|other| reached.insert(*other)));
    }
    reached
}

#[test]
fn imports_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("lib.rs", "//! A crate.\nmod a; mod b; mod c; mod d;\npub use a::A;\n#[cfg(test)] mod tests;");
    // Through a re-export of the parent, and of the crate.
    write("a.rs", "mod part;\npub use part::{B as C, Part};\npub struct A(crate::b::B);");
    write("a/part.rs", "use super::A; pub struct Part; pub struct B; fn f() { crate::d::call() }");
    write("b.rs", "use crate::{A, a::{C,},}; pub struct B;");
    write(
        "c.rs",
        "#[cfg(test)] use crate::a::A; macro_rules! m { () => { $crate::b::B } } mod inner { use super::super::d::*; }",
    );
    write("d.rs", "pub fn call() {} #[cfg(test)] mod tests { use crate::c::X; }");
    let imports = Crate::read(&folder.path().join("lib.rs")).imports();
    let lines: Vec<_> = imports
        .iter()
        .map(|(file, others)| {
            let others: Vec<_> = others.iter().map(|other| relative(other, folder.path())).collect();
            format!("{} -> {}", relative(file, folder.path()), others.join(" "))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "a/part.rs -> a.rs d.rs",
            "a.rs -> b.rs",
            "b.rs -> a/part.rs a.rs",
            "c.rs -> b.rs d.rs",
            "d.rs -> ",
            "lib.rs -> "
        ]
    );
    let found = circles(&imports);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].len(), 3);
}
