//! Runs of guests: live against a service that keeps their history, evicted at every task, and
//! replayed. All three agree, down to the guest's memory.
#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

mod support;

use std::{
    path::Path,
    sync::{Arc, LazyLock},
};

use guest_build::{Package, build};
use host_core::{RunConfig, Task};
use host_wire::{
    EventAttributes, History,
    temporal::api::{
        common::v1::Payloads,
        enums::v1::{EventType, QueryResultType},
        history::v1::HistoryEvent,
        protocol::v1::{Message, message::SequencingId},
        query::v1::WorkflowQuery,
        update::v1::{Input, Meta, Request},
    },
};
use host_worker::{
    modules::LoadedModule,
    workflow::{
        replay::{self, SourceLine, Verdict},
        run::{Advance, FailureKind, RunDriver, RunIdentity, UpdateVerdict},
    },
};
use prost::{Message as _, Name as _};
use prost_types::Any;
use support::{
    embedded::json,
    live::{Case, Live, activations_of, driver, execute},
};

static SCRIPT: LazyLock<Arc<LoadedModule>> = LazyLock::new(|| load(&support::guest("script")));

fn load(bytes: &[u8]) -> Arc<LoadedModule> {
    static ENGINE: LazyLock<host_sandbox::Engine> = LazyLock::new(support::engine);
    Arc::new(LoadedModule::new(ENGINE.load(bytes).unwrap(), None))
}

/// Runs a workflow in all three ways and compares them and its result.
async fn check(module: &Arc<LoadedModule>, case: Case, expected: Result<&str, &str>) {
    let cached = case.run(module).await.unwrap();
    check_evicted(module, &cached);

    let report = replay::replay_verifying_state(module, &cached.history());
    assert!(report.verdict.is_ok(), "{:?}", report.verdict);
    assert_eq!(report.statistics.events, cached.events.len());
    assert_eq!(usize::try_from(report.statistics.activations).unwrap(), cached.states.len());

    let mut replayed = driver(module, &cached.run_id);
    replayed.start_task(Task::replay()).unwrap();
    replayed.feed(cached.history().into_encoded(), true);
    let (advance, activations) = activations_of(|| replayed.advance().unwrap());
    assert!(matches!(advance, Advance::Idle));
    assert_eq!(activations.len(), cached.states.len());
    assert_eq!(activations, cached.activations, "the replay is brought something else than the run");
    assert_eq!(replayed.state_hashes(), cached.states, "the replay has other states than the run");

    let result = cached.result();
    assert_eq!(result.as_deref().map_err(String::as_str), expected);
}

/// Executes each task of a run with a new driver, as after an eviction, its history in small pages.
fn check_evicted(module: &Arc<LoadedModule>, cached: &Live) {
    let mut activations = 0;
    for (task, completion) in &cached.tasks {
        let mut evicted = driver(module, &cached.run_id);
        let actual = execute(&mut evicted, task.clone(), &cached.events_of(task), 3).unwrap();
        assert_eq!(&actual, completion, "eviction changed the commands");
        activations = evicted.state_hashes().len();
        assert_eq!(
            evicted.state_hashes(),
            &cached.states[..activations],
            "eviction changed the guest's state"
        );
    }
    assert_eq!(activations, cached.states.len());
}

#[tokio::test]
async fn a_run_its_evicted_self_and_its_replay_are_the_same() {
    for (script, expected) in [
        ("complete done", Ok("done")),
        ("fail on purpose", Err("on purpose")),
        (
            "activity a\nactivity b\ntimer 5\nwait\nwait\nwait\nmap\nrandom x\ncomplete finished",
            Ok("finished"),
        ),
        ("timer 5\ntimer 60000\nwait\ncancel-timer 2\nactivity a\nwait\ncomplete cancelled", Ok("cancelled")),
        ("activity a\ncancel-activity 1\ntimer 1\nwait\nwait\ncomplete cancelled", Ok("cancelled")),
        ("patched p\nactivity a\nwait\npatched p\npatched q\ntimer 1\nwait\ncomplete patched", Ok("patched")),
        ("ballast 100000\ntimer 1\nwait\nballast 3000000\ntimer 1\nwait\ncomplete large", Ok("large")),
    ] {
        check(&SCRIPT, Case::script(script), expected).await;
    }
}

/// A task that failed comes again as a transient one, which is in the history only once it completes. What a guest is
/// told of it, such as the size of the history, is what the history says then.
#[tokio::test]
async fn a_transient_task_brings_what_is_stored_of_it() {
    for failures in [1, 2] {
        let script = "activity a\nwait\nwait\ntimer 1\nwait\ncomplete done";
        check(&SCRIPT, Case { failures, ..Case::script(script) }, Ok("done")).await;
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
        argument: r#"{"id":"1","items":[{"sku":"a","quantity":2,"price_cents":3},{"sku":"b","quantity":1,"price_cents":4}],"card":"good","packing_seconds":1}"#,
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

#[tokio::test]
async fn samples_run_and_replay() {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    for Sample { package, workflow_type, argument, results, expected } in SAMPLES {
        let component = build(&Package::new(workspace, package)).unwrap_or_else(|error| panic!("{error}"));
        let module = load(&std::fs::read(component).unwrap());
        let case = Case { workflow_type, argument: json(argument), results, failures: 0 };
        check(&module, case, expected).await;
    }
}

/// A run with two activities, one after the other.
async fn two_activities() -> Live {
    let case = Case::script("activity a\nwait\nactivity b\nwait\ncomplete done");
    case.run(&SCRIPT).await.unwrap()
}

#[track_caller]
fn check_verdict(events: &[HistoryEvent], expected: impl Fn(&Verdict) -> bool) {
    let report = replay::replay(&SCRIPT, &History::from_iter(events));
    assert!(expected(&report.verdict), "{:?}", report.verdict);
}

#[tokio::test]
async fn a_changed_history_gets_a_verdict_that_says_where() {
    let recorded = two_activities().await.events;
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

/// The second line of a script was recorded as an activity of type `a`; another module has another line there. Says what
/// the history and the workflow have, and the source of the line where the workflow asked for it.
#[track_caller]
fn check_difference(recorded: &[HistoryEvent], line: &str, expected: [&str; 3]) {
    let mut changed = recorded.to_vec();
    let Some(EventAttributes::WorkflowExecutionStartedEventAttributes(started)) = &mut changed[0].attributes
    else {
        panic!("a history begins with a start")
    };
    let script = format!("timer 1\nwait\n{line}\nwait\ncomplete done");
    started.input = Some(Payloads { payloads: vec![support::embedded::text(&script)] });
    let report = replay::replay(&SCRIPT, &History::from_iter(&changed));
    let Verdict::Nondeterminism(difference) = report.verdict else { panic!("{line}: {:?}", report.verdict) };
    let source = |line: Option<SourceLine>| line.map_or_else(String::new, |line| source_of(&line));
    let [history, workflow, at] = expected;
    let scheduled = recorded.iter().find(|event| event.event_type() == EventType::ActivityTaskScheduled);
    assert_eq!(difference.event_id, scheduled.unwrap().event_id, "{difference}");
    assert_eq!((&*difference.expected, &*difference.actual), (history, workflow), "{difference}");
    assert_eq!(source(difference.asked_at.clone()), at, "{difference}");
    let before: Vec<_> = difference.before.iter().map(|before| (before.event_id, &*before.command)).collect();
    assert_eq!(before, [(5, "a start of timer 1")]);
    assert_eq!(source(difference.before_at.clone()), "time::start_timer(&options);");
}

/// The text of a line in the guests' sources.
fn source_of(line: &SourceLine) -> String {
    assert!(line.function.starts_with("script::") || line.function == "run", "{line}");
    let file = line.file.strip_prefix("/workspace/").unwrap_or(&line.file);
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests");
    let text = std::fs::read_to_string(guests.join(file)).unwrap();
    text.lines().nth(line.line as usize - 1).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_difference_names_the_line_that_asked_for_the_command() {
    const RECORDED: &str = "a schedule of activity 1 of type a";
    let case = Case::script("timer 1\nwait\nactivity a\nwait\ncomplete done");
    let recorded = case.run(&SCRIPT).await.unwrap().events;
    for (line, workflow, at) in [
        ("activity b", "a schedule of activity 1 of type b", "activities::schedule(&activity(argument));"),
        ("timer 2", "a start of timer 2", "time::start_timer(&options);"),
        (
            "child Kid",
            "a start of child workflow child of type Kid",
            "child_workflows::start(&child(argument));",
        ),
        (
            "signal-child other",
            "a signal  to another workflow",
            "external_workflows::signal(&signal(argument.to_owned()));",
        ),
        (
            "cancel-other other",
            "a request to cancel workflow other",
            r#"external_workflows::request_cancel(&other(String::new(), argument.to_owned()), "");"#,
        ),
        ("memo 1", "a change of the memo", r#""memo" => workflow::upsert_memo(&named("m", argument)),"#),
        (
            "attribute 1",
            "an upsert of search attributes",
            r#""attribute" => workflow::upsert_search_attributes(&named("a", argument)),"#,
        ),
        ("fail done", "a failure of the workflow", r#""fail" => workflow::fail(&failure(argument)),"#),
        (
            "complete done",
            "a completion of the workflow",
            r#""complete" => workflow::complete(Some(&text(argument))),"#,
        ),
        (
            "continue-as-new Script",
            "a continuation of the workflow as new",
            r#""continue-as-new" => workflow::continue_as_new(&new_run(argument.to_owned())),"#,
        ),
        ("now", "no command for it", ""),
    ] {
        check_difference(&recorded, line, [RECORDED, workflow, at]);
    }
}

#[tokio::test]
async fn what_a_guest_does_wrong_fails_its_task_and_says_what() {
    for (script, kind, expected) in [
        ("panic on purpose", FailureKind::Guest, "the workflow panicked: on purpose, at "),
        ("refuse on purpose", FailureKind::Guest, "on purpose"),
        ("loop", FailureKind::Limit, "the workflow ran for more than 2000 ms"),
        ("cancel-timer 7", FailureKind::Guest, ""),
        ("empty-failure", FailureKind::Guest, ""),
        ("huge-list 3000000", FailureKind::Limit, "the payloads of the workflow's result have 3000"),
    ] {
        let failure = Case::script(script).run(&SCRIPT).await.err().unwrap();
        assert_eq!(failure.kind(), kind, "{script}: {failure:?}");
        assert!(failure.to_string().starts_with(expected), "{script}: {failure}");
        assert!(!failure.into_wire().message.is_empty());
    }
}

#[tokio::test]
async fn a_query_is_answered_by_a_copy_and_leaves_no_trace() {
    let Live { run_id, events, .. } = two_activities().await;
    let last_task = events.iter().rfind(|event| event.event_type() == EventType::WorkflowTaskStarted);
    let last_time = last_task.unwrap().event_time.unwrap();
    let now = format!("now {}{:09}", last_time.seconds, last_time.nanos);
    let mut run = driver(&SCRIPT, &run_id);
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
        assert_eq!(notes.matches(&now).count(), 1, "{notes}");
    }
    let refused = ask("timer 1");
    assert_eq!(refused.result_type(), QueryResultType::Failed);
    assert!(refused.error_message.contains("may only read"), "{}", refused.error_message);
}

/// A guest that printed has no copy. It validates an update itself, and the run is replayed with the verdict.
#[tokio::test]
async fn a_guest_without_a_copy_validates_updates_by_replay() {
    let mut events = Case::script("timer 5\nwait\ncomplete done").run(&SCRIPT).await.unwrap().events;
    let Some(EventAttributes::WorkflowExecutionStartedEventAttributes(started)) = &mut events[0].attributes
    else {
        panic!("no start")
    };
    started.input = Some(Payloads {
        payloads: vec![support::embedded::text("print x\ntimer 5\nwait\nwait\ncomplete done")],
    });
    let second =
        events.iter().rposition(|event| event.event_type() == EventType::WorkflowTaskStarted).unwrap();
    events.truncate(second + 1);
    let last = events[second].event_id;

    for (update, expected) in [("now", "Acceptance"), ("refuse no", "Rejection"), ("panic", "Rejection")] {
        let request = Request {
            meta: Some(Meta { update_id: "u".to_owned(), ..Meta::default() }),
            input: Some(Input { name: update.to_owned(), ..Input::default() }),
            ..Request::default()
        };
        let message = Message {
            id: "u/request".to_owned(),
            protocol_instance_id: "u".to_owned(),
            body: Some(Any { type_url: Request::type_url(), value: request.encode_to_vec() }),
            sequencing_id: Some(SequencingId::EventId(last - 1)),
        };
        let task = Task {
            started_event_id: last,
            previous_started_event_id: Some(3),
            attempt: 1,
            messages: vec![message],
            ..Task::default()
        };
        let advance = |verdicts: Vec<UpdateVerdict>| {
            let config = RunConfig { run_id: "r".to_owned(), ..RunConfig::default() };
            let mut run =
                RunDriver::new(Arc::clone(&SCRIPT), RunIdentity::default(), config).with_verdicts(verdicts);
            run.start_task(task.clone()).unwrap();
            run.feed(History::from_iter(&events).into_encoded(), true);
            let advance = run.advance().unwrap();
            (advance, run.must_evict())
        };
        let (Advance::Validated(verdict), true) = advance(Vec::new()) else { panic!("it has a copy") };
        assert_eq!(verdict.verdict.is_ok(), expected == "Acceptance", "{verdict:?}");
        let (Advance::Respond(completion), false) = advance(vec![*verdict]) else {
            panic!("the verdict is not used")
        };
        let answers: Vec<_> = completion.messages.iter().filter_map(|answer| answer.body.as_ref()).collect();
        assert!(answers.iter().any(|answer| answer.type_url.ends_with(expected)), "{update}: {answers:?}");
    }
}
