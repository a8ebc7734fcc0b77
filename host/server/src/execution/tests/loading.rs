//! Runs that are loaded while others use them.

use crate::execution::{
    loading::{Needed, load},
    tests::script::Script,
};

fn latest(workflow_id: &str) -> Needed {
    Needed::Latest { namespace: "default".to_owned(), workflow_id: workflow_id.to_owned() }
}

#[test]
fn a_run_that_changed_while_it_was_loaded_stays_as_it_is() {
    let mut script = Script::default();
    script.line("start @a");
    script.line("evict @a");
    script.executions.pin(&latest("a"));
    let old = load(script.kept(), &latest("a"));
    for line in ["signal one @a", "evict @a"] {
        script.line(line);
    }
    script.executions.loaded(&latest("a"), old);
    script.check_recovery();
    assert_eq!(script.executions.iter().count(), 1, "it is pinned");
    script.executions.unpin(&latest("a"));
    script.line("evict @a");
    assert_eq!(script.executions.iter().count(), 0);
}

#[test]
fn a_workflow_that_started_while_there_was_none_is_found() {
    let mut script = Script::default();
    script.line("start @other");
    script.line("evict @other");
    script.executions.pin(&latest("b"));
    let none = load(script.kept(), &latest("b"));
    assert_eq!(none, None);
    for line in ["start @b", "terminate @b", "evict @b"] {
        script.line(line);
    }
    script.executions.loaded(&latest("b"), none);
    assert_eq!(script.executions.latest("default", "b"), Ok(Some(1)));
    script.executions.unpin(&latest("b"));
}

#[test]
fn what_is_needed_is_said_once_for_each_caller() {
    let mut script = Script::default();
    script.line("start @a");
    script.line("evict @a");
    let needed = script.executions.latest("default", "a").unwrap_err().0;
    assert_eq!(needed, latest("a"));
    // Two callers load the same run.
    for _ in 0..2 {
        script.executions.pin(&needed);
    }
    for _ in 0..2 {
        let found = load(script.kept(), &needed);
        script.executions.loaded(&needed, found);
        assert_eq!(script.executions.latest("default", "a"), Ok(Some(0)));
    }
    script.executions.unpin(&needed);
    script.line("evict @a");
    assert!(script.executions.latest("default", "a").is_ok(), "the other caller is not done");
    script.executions.unpin(&needed);
    script.line("evict @a");
    assert!(script.executions.latest("default", "a").is_err());
}
