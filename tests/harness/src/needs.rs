//! Tests of what a machine may lack. Without it they are reported as ignored, with the reason; where
//! `CI=true` they fail, so that a green run has run everything.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// Names a Python interpreter that has the package `temporalio`.
const PYTHON: &str = "HOST_TEST_PYTHON";

/// The variable that hosted CI sets to `true`.
const CI: &str = "CI";

/// A tool that a test needs and this machine lacks, and how to get it.
#[derive(Clone, Debug)]
pub struct Missing(String);

impl Missing {
    /// Says what is missing and how to get it.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The Python interpreter that `HOST_TEST_PYTHON` names.
///
/// # Errors
/// The variable is not set.
pub fn python() -> Result<PathBuf, Missing> {
    let named = std::env::var_os(PYTHON).filter(|path| !path.is_empty());
    named.map(PathBuf::from).ok_or_else(|| {
        Missing::new(format!(
            "{PYTHON} names no Python interpreter; it needs `pip install temporalio==1.35.0`"
        ))
    })
}

/// Runs a script with an interpreter, and lets it exit without finalizing: threads of the SDK may outlive it.
#[must_use]
pub fn python_script(python: &Path, script: &Path) -> Command {
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/run.py")).arg(script);
    command
}

/// A test that needs nothing but this repository.
pub fn test(name: &str, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// A test of something that `find` looks for on this machine.
pub fn test_needing<T>(
    name: &str,
    find: impl FnOnce() -> Result<T, Missing> + Send + 'static,
    test: impl FnOnce(T) + Send + 'static,
) -> Trial {
    Trial::ignorable_test(name, move || match find() {
        Ok(found) => {
            test(found);
            Ok(Completion::Completed)
        }
        Err(missing) => lacks(&missing),
    })
}

/// The outcome of a test that cannot run: ignored, and failed where `CI=true`.
///
/// # Errors
/// `CI` is `true`.
pub fn lacks(missing: &Missing) -> Result<Completion, Failed> {
    if std::env::var(CI).is_ok_and(|value| value == "true") {
        return Err(Failed::from(format!("nothing is left out where {CI}=true: {missing}")));
    }
    Ok(Completion::ignored_with(missing))
}

/// The `main` of a test target with `harness = false`.
#[must_use]
pub fn run_tests(trials: Vec<Trial>) -> ExitCode {
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
