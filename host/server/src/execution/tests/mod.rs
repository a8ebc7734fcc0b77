//! Tests of state: what is done to it as short lines, histories as what comes out.
//!
//! Every case is also read back from its facts: the runs must be the same as those that lived
//! through it.

mod random;
pub(crate) mod script;

use expect_test::Expect;

use script::Script;

/// Runs a script and compares what it prints.
pub(crate) fn check(script: &str, expected: Expect) {
    let mut run = Script::default();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        run.line(line);
    }
    run.check_recovery();
    expected.assert_eq(&run.print());
}
