//! Fuzz targets as tests.
//!
//! A target is a function over bytes that panics when something is wrong, in a test of the crate that it is about:
//!
//! ```no_run
//! #[test]
//! fn numbers() {
//!     fuzz::check!("numbers", |bytes| {
//!         let _ = std::str::from_utf8(bytes).map(str::parse::<u64>);
//!     });
//! }
//! ```
//!
//! `cargo test` gives it the corpus, which is in the tree at `__fuzz__/numbers/corpus` beside the source file, and
//! then mutations of the corpus: always the same ones, [`INPUTS`] of them, or as many as `HOST_FUZZ_INPUTS` says,
//! from the seed `HOST_FUZZ_SEED`. What fails is written to `__fuzz__/numbers/crashes`, and is tried first from
//! then on. `just fuzz` does that with many mutations; `just fuzz-covered` gives a target to libFuzzer, which is guided by
//! coverage and adds to the corpus.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod mutate;
mod random;

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
};

#[cfg(fuzzing)]
#[doc(hidden)]
pub use bolero;

pub use crate::random::Random;

use crate::mutate::Mutator;

/// Mutations that a target gets in a plain test run.
pub const INPUTS: u64 = 2_000;

/// Runs a target: its name, which is that of its folder, and a closure over `&[u8]`. A third argument is the number
/// of mutations in a plain test run, for targets that are slow.
#[cfg(not(fuzzing))]
#[macro_export]
macro_rules! check {
    ($name:literal, $target:expr) => {
        $crate::check!($name, $target, $crate::INPUTS)
    };
    ($name:literal, $target:expr, $inputs:expr) => {
        $crate::run($crate::folder(env!("CARGO_MANIFEST_DIR"), file!(), $name), $inputs, $target)
    };
}

/// The same for libFuzzer.
#[cfg(fuzzing)]
#[macro_export]
macro_rules! check {
    ($name:literal, $target:expr $(, $inputs:expr)?) => {
        $crate::bolero::check!(name = $name).for_each($target)
    };
}

/// Where a target keeps its inputs: `__fuzz__/NAME` beside the source file.
///
/// # Panics
///
/// When the source file is not there.
#[must_use]
pub fn folder(manifest_dir: &str, file: &str, name: &str) -> PathBuf {
    // The compiler names source files from the workspace, tests run in the package.
    let source =
        Path::new(manifest_dir).ancestors().map(|folder| folder.join(file)).find(|path| path.exists());
    let source = source.unwrap_or_else(|| panic!("{file} is not at or above {manifest_dir}"));
    source.with_file_name("__fuzz__").join(name)
}

/// Gives a target the crashes and the corpus of its folder, and then mutations of the corpus.
///
/// # Panics
///
/// When the target panics; the input is in the folder `crashes` then. When there is no corpus.
pub fn run(folder: impl AsRef<Path>, inputs: u64, target: impl Fn(&[u8])) {
    let folder = folder.as_ref();
    let check = |origin: &str, input: &[u8]| {
        // What a target keeps between inputs is its own matter.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
            let kept = keep(folder, input);
            eprintln!("{origin} fails; the input is in {}", kept.display());
            resume_unwind(panic);
        }
    };
    for (path, input) in files(&folder.join("crashes")) {
        check(&path.display().to_string(), &input);
    }
    let corpus = files(&folder.join("corpus"));
    assert!(!corpus.is_empty(), "{} has no corpus", folder.display());
    for (path, input) in &corpus {
        check(&path.display().to_string(), input);
    }
    let corpus: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    let inputs = number("HOST_FUZZ_INPUTS").unwrap_or(inputs);
    let mut random = Random::new(number("HOST_FUZZ_SEED").unwrap_or_default());
    let mut mutator = Mutator::new(&corpus);
    for index in 0..inputs {
        check(&format!("mutation {index}"), mutator.next(&mut random));
    }
    eprintln!("{}: {} of the corpus, {inputs} mutations", folder.display(), corpus.len());
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {value}")))
}

/// The files of a folder in the order of their names; none if there is no folder.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries
        .map(|entry| entry.unwrap_or_else(|error| panic!("read {}: {error}", folder.display())).path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let input = fs::read(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
        (path, input)
    };
    paths.into_iter().map(read).collect()
}

/// Keeps an input that fails, named by its contents.
fn keep(folder: &Path, input: &[u8]) -> PathBuf {
    let folder = folder.join("crashes");
    let path = folder.join(format!("{:016x}", random::hash(input)));
    if let Err(error) = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, input)) {
        eprintln!("write {}: {error}", path.display());
    }
    path
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// What a target sees in a folder with this corpus.
    fn seen(corpus: &[&[u8]], inputs: u64) -> Vec<Vec<u8>> {
        let folder =
            env::temp_dir().join(format!("fuzz-{}-{}", std::process::id(), random::hash(&corpus.concat())));
        fs::create_dir_all(folder.join("corpus")).unwrap();
        for (index, input) in corpus.iter().enumerate() {
            fs::write(folder.join("corpus").join(index.to_string()), input).unwrap();
        }
        let seen = RefCell::new(Vec::new());
        run(&folder, inputs, |input| seen.borrow_mut().push(input.to_vec()));
        fs::remove_dir_all(&folder).unwrap();
        seen.into_inner()
    }

    #[test]
    fn corpus_first_then_mutations_that_are_always_the_same() {
        let first = seen(&[b"", b"hello"], 500);
        assert_eq!(first[..2], [b"".to_vec(), b"hello".to_vec()]);
        assert_eq!(first.len(), 502);
        assert_eq!(first, seen(&[b"", b"hello"], 500));
        let distinct: std::collections::BTreeSet<_> = first.iter().collect();
        assert!(distinct.len() > 300, "{}", distinct.len());
    }

    #[test]
    fn an_input_that_fails_is_kept_and_tried_first() {
        let folder = env::temp_dir().join(format!("fuzz-{}-crash", std::process::id()));
        fs::create_dir_all(folder.join("corpus")).unwrap();
        fs::write(folder.join("corpus/a"), "hello").unwrap();
        let fails = |input: &[u8]| assert!(input.starts_with(b"hel"), "{input:?}");
        catch_unwind(|| run(&folder, 2_000, fails)).unwrap_err();
        let kept = files(&folder.join("crashes"));
        assert_eq!(kept.len(), 1);
        let tried = RefCell::new(0);
        let counts = |input: &[u8]| {
            *tried.borrow_mut() += 1;
            fails(input);
        };
        catch_unwind(AssertUnwindSafe(|| run(&folder, 2_000, counts))).unwrap_err();
        assert_eq!(tried.into_inner(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
