//! Tests of state: what is done to it as short lines, histories as what comes out.
//!
//! Every case is also read back from its facts: the runs must be the same as those that lived
//! through it.

mod coverage;
mod describe;
mod field_reports;
mod kept;
mod loading;
mod nexus;
mod random;
mod requests;
mod restart;
pub(crate) mod script;

use expect_test::Expect;

use script::Script;

/// Runs a script and compares what it prints. It must print the same when runs leave memory all the time.
pub(crate) fn check(script: &str, expected: Expect) {
    let printed = run(Script::default(), script);
    assert_eq!(run(Script::forgetful(), script), printed, "runs that left memory are not the same");
    expected.assert_eq(&printed);
}

fn run(mut run: Script, script: &str) -> String {
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        run.line(line);
    }
    run.check_recovery();
    run.print()
}
