//! Runs that are loaded while others use them.

use std::sync::Arc;

use host_wire::temporal::api::common::v1::WorkflowExecution;

use crate::error::Error;
use crate::execution::{
    damage::Damage,
    loading::{Found, Needed, NotReady, load},
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
    let drops = script.executions.pin(&latest("a"));
    let old = load(script.kept(), &latest("a")).unwrap();
    for line in ["signal one @a", "evict @a"] {
        script.line(line);
    }
    script.executions.loaded(&latest("a"), old, drops);
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
    let drops = script.executions.pin(&latest("b"));
    let none = load(script.kept(), &latest("b")).unwrap();
    assert_eq!(none, Found::Nothing);
    for line in ["start @b", "terminate @b", "evict @b"] {
        script.line(line);
    }
    script.executions.loaded(&latest("b"), none, drops);
    assert_eq!(script.executions.latest("default", "b"), Ok(Some(1)));
    script.executions.unpin(&latest("b"));
}

#[test]
fn what_is_needed_is_said_once_for_each_caller() {
    let mut script = Script::default();
    script.line("start @a");
    script.line("evict @a");
    assert_eq!(script.executions.latest("default", "a"), Err(NotReady::Needs(latest("a"))));
    let needed = latest("a");
    // Two callers load the same run.
    for _ in 0..2 {
        script.executions.pin(&needed);
    }
    for _ in 0..2 {
        let found = load(script.kept(), &needed).unwrap();
        script.executions.loaded(&needed, found, 0);
        assert_eq!(script.executions.latest("default", "a"), Ok(Some(0)));
    }
    script.executions.unpin(&needed);
    script.line("evict @a");
    assert!(script.executions.latest("default", "a").is_ok(), "the other caller is not done");
    script.executions.unpin(&needed);
    script.line("evict @a");
    assert!(script.executions.latest("default", "a").is_err());
}

/// Every lookup of a damaged run is refused; lookups of others that come to it go on without it.
#[test]
fn a_damaged_run_is_refused_by_each_of_its_names() {
    let mut script = Script::default();
    for line in ["start @parent", "poll @parent", "complete child:a @parent", "evict @a"] {
        script.line(line);
    }
    let Found::Run(number, run) = load(script.kept(), &latest("a")).unwrap() else { panic!("it is stored") };
    let identity = run.identity().clone();
    let damage = Arc::new(Damage {
        run: number,
        namespace: identity.namespace.clone(),
        workflow_id: identity.workflow_id.clone(),
        run_id: identity.run_id.clone(),
        close_time: None,
        info: None,
        reason: "of a test".to_owned(),
    });
    let all = [latest("a"), Needed::Number(number), Needed::RunId(identity.run_id.clone())];
    for needed in &all {
        script.executions.pin(needed);
        script.executions.loaded(needed, Found::Damaged(damage.clone()), 0);
    }
    let refused = Err(NotReady::Refused(Error::Damaged(damage.clone())));
    assert_eq!(script.executions.latest("default", "a"), refused);
    assert_eq!(script.executions.run(number).map(|_| None), refused);
    assert_eq!(script.executions.is_readable(number), Ok(false));
    let execution = |workflow_id: &str| {
        let workflow_id = workflow_id.to_owned();
        Some(WorkflowExecution { workflow_id, run_id: identity.run_id.clone() })
    };
    assert_eq!(script.executions.find("default", execution("a").as_ref()).map(Some), refused);
    // The run id of another workflow's run is that of no run.
    let found = script.executions.find("default", execution("b").as_ref());
    assert!(matches!(found, Err(NotReady::Refused(Error::NotFound(_)))), "{found:?}");
    script.line("signal one @a");
    script.line("start @a");
    // The parent's policy is to terminate it.
    script.line("terminate @parent");
    for needed in &all {
        script.executions.unpin(needed);
    }
    let said = script.print();
    for refused in ["signal: Damaged: run", "start: Damaged: run", "parent Terminated", "a Running"] {
        assert!(said.contains(refused), "{said}");
    }
}

/// A run is read for one caller, changes for another, and is dropped because a transition panicked: what was read is of
/// the time before the change.
#[test]
fn a_run_that_was_dropped_while_it_was_loaded_is_loaded_again() {
    let mut script = Script::default();
    script.line("start @a");
    script.line("evict @a");
    let drops = script.executions.pin(&latest("a"));
    let old = load(script.kept(), &latest("a")).unwrap();
    script.line("signal one @a");
    script.executions.read_again(0);
    script.executions.loaded(&latest("a"), old, drops);
    assert_eq!(script.executions.iter().count(), 0);
    assert_eq!(script.executions.latest("default", "a"), Err(NotReady::Needs(Needed::Number(0))));
    script.line("signal two @a");
    script.check_recovery();
    assert_eq!(script.executions.iter().count(), 1);
}
