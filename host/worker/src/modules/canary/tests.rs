use super::*;

const DIGEST: Digest = Digest([7; 32]);

/// A plan as `5%:10,100%`, with milliseconds.
fn plan(steps: &str) -> CanaryPlan {
    let step = |text: &str| {
        let (share, lasts) = text.split_once(':').map_or((text, None), |(share, lasts)| (share, Some(lasts)));
        let lasts_ms = lasts.map(|lasts| lasts.parse().unwrap());
        CanaryStep { share: share.parse().unwrap(), lasts_ms }
    };
    CanaryPlan {
        steps: steps.split(',').filter(|step| !step.is_empty()).map(step).collect(),
        max_failed_tasks: "5%".parse().unwrap(),
        max_failed_runs: "10%".parse().unwrap(),
        min_count: 20,
        policy: None,
    }
}

fn state(steps: &str, counts: [u64; 4]) -> CanaryState {
    let [tasks, failed_tasks, runs, failed_runs] = counts;
    CanaryState {
        digest: DIGEST.to_string(),
        file: "new.wasm".to_owned(),
        who: "test".to_owned(),
        plan: plan(steps),
        step: 0,
        elapsed_ms: 0,
        counts: CanaryCounts { tasks, failed_tasks, runs, failed_runs, timed_out_runs: 0 },
        timed_out: TimedOutRuns::default(),
    }
}

#[test]
fn plans_are_checked() {
    let check =
        |steps: &str, expected: Result<(), BadPlan>| assert_eq!(plan(steps).check(), expected, "{steps}");
    check("5%:10,25%:10,100%", Ok(()));
    check("5%", Ok(()));
    check("5%:10", Ok(()));
    check("", Err(BadPlan::Steps(0)));
    check("5%:10,5%:10", Err(BadPlan::DoesNotGrow(2)));
    check("25%:10,5%:10", Err(BadPlan::DoesNotGrow(2)));
    check("5%,25%:10", Err(BadPlan::Endless(1)));
}

#[test]
fn steps_follow_on_time_and_enough_tasks() {
    let check = |steps: &str, step: usize, elapsed_ms: u64, tasks: u64, expected: CanaryTurn| {
        let state = CanaryState { step, elapsed_ms, ..state(steps, [tasks, 0, 0, 0]) };
        assert_eq!(state.turn(), expected, "{steps}, step {step}, {elapsed_ms} ms, {tasks} tasks");
    };
    let steps = "5%:10,25%:10,100%";
    check(steps, 0, 9, 100, CanaryTurn::GoOn);
    check(steps, 0, 10, 19, CanaryTurn::GoOn);
    check(steps, 0, 10, 20, CanaryTurn::Step);
    check(steps, 1, 9, 100, CanaryTurn::GoOn);
    check(steps, 1, 10, 100, CanaryTurn::Promote);
    check("5%:10,100%:10", 0, 10, 100, CanaryTurn::Step);
    check("5%:10,100%:10", 1, 9, 100, CanaryTurn::GoOn);
    check("5%:10,100%:10", 1, 10, 100, CanaryTurn::Promote);
    check("100%", 0, 0, 20, CanaryTurn::Promote);
    // Less than all waits for a person.
    check("5%:10", 0, 1_000, 100, CanaryTurn::GoOn);
    check("5%", 0, 1_000, 100, CanaryTurn::GoOn);
}

#[test]
fn it_goes_back_once_a_rate_is_passed_and_not_before_there_are_enough() {
    let check = |counts: [u64; 4], expected: Option<&str>| {
        // Also when the step is over.
        let state = CanaryState { elapsed_ms: 10, ..state("5%:10,100%", counts) };
        match state.turn() {
            CanaryTurn::GoBack(why) => assert_eq!(Some(&*why), expected, "{counts:?}"),
            _ => assert_eq!(None, expected, "{counts:?}"),
        }
    };
    check([19, 19, 0, 0], None);
    check([20, 1, 0, 0], None);
    check([20, 2, 0, 0], Some("2 of 20 workflow tasks failed, and 5% may"));
    check([100, 0, 19, 19], None);
    check([100, 0, 20, 2], None);
    check([100, 0, 20, 3], Some("3 of 20 runs failed, and 10% may"));
}

#[test]
fn a_larger_share_has_the_workflows_of_the_smaller_one() {
    let taken = |share: &str| -> Vec<usize> {
        let state = state(share, [0; 4]);
        (0..10_000).filter(|number| state.takes(&DIGEST, &format!("workflow-{number}"))).collect()
    };
    let (few, more) = (taken("5%"), taken("25%"));
    assert!((400..600).contains(&few.len()), "{}", few.len());
    assert!((2_300..2_700).contains(&more.len()), "{}", more.len());
    assert!(few.iter().all(|number| more.contains(number)));
    assert!(taken("0%").is_empty());
    assert_eq!(taken("100%").len(), 10_000);
    let others = state("5%", [0; 4]);
    let others = (0..10_000).filter(|number| others.takes(&Digest([8; 32]), &format!("workflow-{number}")));
    assert_ne!(few, others.collect::<Vec<_>>(), "another candidate has other workflows");
}

#[test]
fn a_state_comes_back() {
    let state = CanaryState { step: 1, elapsed_ms: 7, ..state("5%:10,100%", [4, 3, 2, 1]) };
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<CanaryState>(&text).unwrap(), state);
}

#[test]
fn runs_that_time_out_are_failed_runs() {
    let mut state = state("5%:10,100%", [100, 0, 19, 0]);
    assert!(state.count_timed_out(2), "the two of before are none of it");
    assert_eq!((state.counts.runs, state.counts.failed_runs), (19, 0));
    assert!(!state.count_timed_out(2));
    assert!(state.count_timed_out(5));
    assert!(!state.count_timed_out(5));
    assert_eq!(
        state.counts,
        CanaryCounts { tasks: 100, failed_tasks: 0, runs: 22, failed_runs: 3, timed_out_runs: 3 }
    );
    assert_eq!(state.turn(), CanaryTurn::GoBack("3 of 22 runs failed, and 10% may".to_owned()));
}

#[test]
fn a_step_ends_by_time_only_with_enough_tasks() {
    let check = |steps: &str, elapsed_ms: u64, tasks: u64, expected: Option<u64>| {
        let state = CanaryState { elapsed_ms, ..state(steps, [tasks, 0, 0, 0]) };
        assert_eq!(
            state.time_left(),
            expected.map(Duration::from_millis),
            "{steps}, {elapsed_ms} ms, {tasks} tasks"
        );
    };
    check("5%:10,100%", 4, 20, Some(6));
    check("5%:10,100%", 4, 19, None);
    check("5%:10,100%", 10, 20, None);
    check("5%", 4, 20, None);
}
