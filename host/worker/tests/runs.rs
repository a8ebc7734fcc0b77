//! Runs of guests: live against a service that keeps their history, evicted at every task, and
//! replayed. All three agree, down to the guest's memory.
#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

mod support;

use std::{
    path::Path,
    sync::{Arc, LazyLock},
};

use guest_build::{Package, build};
use host_core::{Completion, RunConfig, Task};
use host_wire::{
    EventAttributes, History,
    temporal::api::{enums::v1::QueryResultType, history::v1::HistoryEvent, query::v1::WorkflowQuery},
};
use host_worker::{
    module::LoadedModule,
    replay::{self, Verdict},
    run::{Advance, RunDriver, RunIdentity, StateHash},
    run_failure::{FailureKind, RunFailure},
};
use support::service::{RUN_ID, Service, json, text};

static SCRIPT: LazyLock<Arc<LoadedModule>> = LazyLock::new(|| load(&support::guest("script")));

fn load(bytes: &[u8]) -> Arc<LoadedModule> {
    static ENGINE: LazyLock<host_sandbox::Engine> = LazyLock::new(support::engine);
    Arc::new(LoadedModule::new(ENGINE.load(bytes).unwrap(), None))
}

fn driver(module: &Arc<LoadedModule>) -> RunDriver {
    let identity = RunIdentity {
        namespace: "default".to_owned(),
        workflow_id: "workflow".to_owned(),
        run_id: RUN_ID.to_owned(),
    };
    let config = RunConfig { run_id: RUN_ID.to_owned(), writes_sdk_metadata: true, ..RunConfig::default() };
    RunDriver::new(Arc::clone(module), identity, config).recording_states()
}

/// Works on a task, whose events come in pages.
fn execute(
    run: &mut RunDriver,
    task: Task,
    events: &[bytes::Bytes],
    page: usize,
) -> Result<Completion, RunFailure> {
    run.start_task(task)?;
    let mut pages = events.chunks(page).peekable();
    loop {
        match run.advance()? {
            Advance::NeedEvents => {
                let events = pages.next().unwrap_or_default().to_vec();
                run.feed(events, pages.peek().is_none());
            }
            Advance::Respond(completion) => return Ok(*completion),
            other => panic!("a workflow task gave {other:?}"),
        }
    }
}

/// A run from its start to its end. A signal comes with its second task.
struct Live {
    service: Service,
    states: Vec<StateHash>,
}

/// Runs a workflow, in the cache or made anew for every task.
fn live(module: &Arc<LoadedModule>, mut service: Service, cached: bool) -> Result<Live, RunFailure> {
    let mut run = driver(module);
    let mut known = 0;
    loop {
        let task = service.poll();
        if !cached {
            run = driver(module);
            known = 0;
        }
        let events = service.events_after(known);
        known = service.events().len().try_into().unwrap();
        // Evicted runs see their history cut after every third event.
        let page = if cached { events.len() } else { 3 };
        let completion = execute(&mut run, task, &events, page)?;
        service.complete(completion, module.build_id());
        if service.closed.is_some() {
            assert!(run.is_ended());
            return Ok(Live { service, states: run.state_hashes().to_vec() });
        }
        if run.activations() == 1 {
            service.signal("s");
        }
        service.happen();
    }
}

/// Runs a workflow in all three ways and compares them. Gives its result.
#[track_caller]
fn check(module: &Arc<LoadedModule>, start: impl Fn() -> Service, expected: Result<&str, &str>) {
    let cached = live(module, start(), true).unwrap();
    let evicted = live(module, start(), false).unwrap();
    assert_eq!(cached.service.events(), evicted.service.events(), "eviction changed the commands");
    assert_eq!(cached.states, evicted.states, "eviction changed the guest's state");

    let report = replay::replay_verifying_state(module, cached.service.history());
    assert!(report.verdict.is_ok(), "{:?}", report.verdict);
    assert_eq!(report.statistics.events, cached.service.events().len());
    assert_eq!(usize::try_from(report.statistics.activations).unwrap(), cached.states.len());

    let mut replayed = driver(module);
    replayed.start_task(Task::replay()).unwrap();
    replayed.feed(cached.service.history().into_encoded(), true);
    assert!(matches!(replayed.advance().unwrap(), Advance::Idle));
    assert_eq!(replayed.state_hashes(), cached.states, "the replay has other states than the run");

    let closed = cached.service.closed.as_ref().unwrap();
    let closed = closed.as_ref().map(|result| result.as_ref().map_or(&b""[..], |result| &result.data));
    assert_eq!(closed.map(|data| std::str::from_utf8(data).unwrap()).map_err(|message| &**message), expected);
}

#[test]
fn a_run_its_evicted_self_and_its_replay_are_the_same() {
    for (script, expected) in [
        ("complete done", Ok("done")),
        ("fail on purpose", Err("on purpose")),
        (
            "activity a\nactivity b\ntimer 5\nwait\nwait\nwait\nmap\nrandom x\ncomplete finished",
            Ok("finished"),
        ),
        ("timer 5\ntimer 6\nwait\ncancel-timer 2\nactivity a\nwait\ncomplete cancelled", Ok("cancelled")),
        ("activity a\ncancel-activity 1\ntimer 1\nwait\nwait\ncomplete cancelled", Ok("cancelled")),
        ("patched p\nactivity a\nwait\npatched p\npatched q\ntimer 1\nwait\ncomplete patched", Ok("patched")),
        ("ballast 100000\ntimer 1\nwait\nballast 3000000\ntimer 1\nwait\ncomplete large", Ok("large")),
    ] {
        check(&SCRIPT, || Service::start("Script", text(script)), expected);
    }
}

/// A sample: its package, workflow type and argument, results of its activities, and its own result.
struct Sample {
    package: &'static str,
    workflow_type: &'static str,
    argument: &'static str,
    results: &'static [(&'static str, &'static str)],
    expected: Result<&'static str, &'static str>,
}

const SAMPLES: [Sample; 3] = [
    Sample {
        package: "greetings",
        workflow_type: "Greetings",
        argument: r#""World""#,
        results: &[("compose_greeting", r#""Hello, World!""#)],
        expected: Ok(r#""Hello, World!""#),
    },
    Sample {
        package: "orders",
        workflow_type: "Orders",
        argument: r#"{"id":"1","items":[{"sku":"a","quantity":2,"price_cents":3},{"sku":"b","quantity":1,"price_cents":4}],"card":"good"}"#,
        results: &[("charge", "null")],
        expected: Ok(r#"{"total_cents":10,"reservations":["reserve","reserve"],"tracking":"ship"}"#),
    },
    Sample {
        package: "file-inventory",
        workflow_type: "Inventory",
        argument: "null",
        results: &[
            ("list_files", r#"{"files":["a","b"],"left_out":0,"last":true}"#),
            ("count_files", r#"[{"sha256":"00","bytes":1,"lines":1},{"sha256":"01","bytes":2,"lines":1}]"#),
            ("compress_files", r#"{"deflate_1_bytes":2,"deflate_9_bytes":1}"#),
        ],
        expected: Ok(
            r#"{"files":2,"bytes":3,"lines":2,"manifest_sha256":"dea72421b0f5a665e8adbf499cd63d0ce13a6449e4eea7a10c7ea50b5f558b34","compressed":{"deflate_1_bytes":2,"deflate_9_bytes":1},"left_out":0}"#,
        ),
    },
];

#[test]
fn samples_run_and_replay() {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    for Sample { package, workflow_type, argument, results, expected } in SAMPLES {
        let component = build(&Package::new(workspace, package)).unwrap_or_else(|error| panic!("{error}"));
        let module = load(&std::fs::read(component).unwrap());
        let start = || Service::start(workflow_type, json(argument)).answering(results);
        check(&module, start, expected);
    }
}

/// The history of a script with two activities, one after the other.
fn history() -> Vec<HistoryEvent> {
    let service = Service::start("Script", text("activity a\nwait\nactivity b\nwait\ncomplete done"));
    live(&SCRIPT, service, true).unwrap().service.events().to_vec()
}

#[track_caller]
fn check_verdict(events: &[HistoryEvent], expected: impl Fn(&Verdict) -> bool) {
    let report = replay::replay(&SCRIPT, History::from_iter(events));
    assert!(expected(&report.verdict), "{:?}", report.verdict);
}

#[test]
fn a_changed_history_gets_a_verdict_that_says_where() {
    let recorded = history();
    check_verdict(&recorded, Verdict::is_ok);

    let mut renamed = recorded.clone();
    let scheduled = renamed
        .iter_mut()
        .filter_map(|event| match &mut event.attributes {
            Some(EventAttributes::ActivityTaskScheduledEventAttributes(scheduled)) => {
                Some((event.event_id, scheduled))
            }
            _ => None,
        })
        .next_back();
    let (renamed_event_id, attributes) = scheduled.unwrap();
    attributes.activity_type.as_mut().unwrap().name = "z".to_owned();
    check_verdict(&renamed, |verdict| {
        matches!(verdict, Verdict::Nondeterminism(difference)
            if difference.event_id == renamed_event_id && difference.expected.contains('z'))
    });

    let mut dropped = recorded.clone();
    dropped.remove(4);
    check_verdict(&dropped, |verdict| matches!(verdict, Verdict::BrokenHistory { .. }));
    check_verdict(&recorded[1..], |verdict| matches!(verdict, Verdict::BrokenHistory { .. }));
    check_verdict(&[], |verdict| matches!(verdict, Verdict::BrokenHistory { .. }));

    let mut elsewhere = recorded;
    if let Some(EventAttributes::WorkflowExecutionStartedEventAttributes(started)) =
        &mut elsewhere[0].attributes
    {
        started.workflow_type.as_mut().unwrap().name = "Elsewhere".to_owned();
    }
    check_verdict(
        &elsewhere,
        |verdict| matches!(verdict, Verdict::UnknownType { known } if known == &["Another", "Script"]),
    );
}

#[test]
fn what_a_guest_does_wrong_fails_its_task_and_says_what() {
    for (script, kind, expected) in [
        ("panic on purpose", FailureKind::Guest, "the workflow panicked: on purpose, at "),
        ("refuse on purpose", FailureKind::Guest, "on purpose"),
        ("loop", FailureKind::Limit, "the workflow ran for more than 2000 ms"),
        ("cancel-timer 7", FailureKind::Guest, ""),
        ("empty-failure", FailureKind::Guest, ""),
        ("huge-list 3000000", FailureKind::Limit, "the payloads of the workflow's result have 3000"),
    ] {
        let failure = live(&SCRIPT, Service::start("Script", text(script)), true).err().unwrap();
        assert_eq!(failure.kind(), kind, "{script}: {failure:?}");
        assert!(failure.to_string().starts_with(expected), "{script}: {failure}");
        assert!(!failure.into_wire().message.is_empty());
    }
}

#[test]
fn a_query_is_answered_by_a_copy_and_leaves_no_trace() {
    let events = history();
    let mut run = driver(&SCRIPT);
    let mut ask = |query: &str| {
        let query = WorkflowQuery { query_type: query.to_owned(), ..WorkflowQuery::default() };
        let previous_started_event_id = Some(events.len().try_into().unwrap());
        run.start_task(Task { previous_started_event_id, query: Some(query), attempt: 1, ..Task::default() })
            .unwrap();
        run.feed(History::from_iter(&events).into_encoded(), true);
        let Advance::RespondQuery(answer) = run.advance().unwrap() else { panic!("no answer") };
        assert!(!run.must_evict());
        *answer
    };
    for _ in 0..2 {
        // The script writes down when it is asked: a trace of the first query would show in the second.
        let answer = ask("now");
        assert_eq!(answer.result_type(), QueryResultType::Answered);
        let data = &answer.answer.unwrap().payloads[0].data;
        let notes = std::str::from_utf8(data).unwrap();
        assert_eq!(notes.matches("now 1700000016000000000").count(), 1, "{notes}");
    }
    let refused = ask("timer 1");
    assert_eq!(refused.result_type(), QueryResultType::Failed);
    assert!(refused.error_message.contains("may only read"), "{}", refused.error_message);
}
