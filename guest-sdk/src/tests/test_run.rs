//! Gives jobs to workflow instances, and checks their calls of the host.

use guest_sdk_types::IntoPayloads;

use super::{TYPES, query, start, task};
use crate::bindings::workflow::host::activation::{Job, Update};
use crate::host::native::{Counts, exchange, take};
use crate::workflow_instance::WorkflowInstance;
use crate::workflow_interceptors::{WorkflowInterceptor, WorkflowInterceptorConstructor};

/// Passes every call on.
struct Passing;

impl WorkflowInterceptor for Passing {}

const PASSING: &[WorkflowInterceptorConstructor] =
    &[WorkflowInterceptorConstructor::new(|_| std::rc::Rc::new(Passing))];

/// A run in progress, in several instances that must make the same calls.
pub(super) struct TestRun(Vec<Instance>);

struct Instance {
    instance: WorkflowInstance,
    counts: Counts,
    /// The calls since the last check.
    calls: Vec<String>,
}

impl TestRun {
    /// A run without interceptors, and with one that passes every call on.
    pub(super) fn of(workflow_type: &str, arguments: impl IntoPayloads) -> Self {
        Self::started(start(workflow_type, arguments), &[&[], PASSING])
    }

    /// A run for each of several chains of interceptors.
    pub(super) fn started(start: Job, chains: &[&[WorkflowInterceptorConstructor]]) -> Self {
        take();
        let instance = |chain: &&[WorkflowInterceptorConstructor]| {
            let mut counts = Counts::default();
            exchange(&mut counts);
            let instance = WorkflowInstance::start(TYPES, chain, &mut task(vec![start.clone()])).unwrap();
            exchange(&mut counts);
            Instance { instance, counts, calls: take() }
        };
        Self(chains.iter().map(instance).collect())
    }

    /// Gives the instances jobs, and checks the names of the calls, with those parts of the arguments that
    /// are named: `time.start_timer 5000000000`.
    #[track_caller]
    pub(super) fn check(&mut self, jobs: Vec<Job>, expected: &[&str]) -> &mut Self {
        for calls in self.activate(&jobs).into_iter().map(|(result, calls)| result.map(|()| calls).unwrap()) {
            let fits = |call: &String, expected: &&str| {
                let (name, parts) = expected.split_once(' ').unwrap_or((expected, ""));
                call.split(' ').next() == Some(name) && parts.split(" & ").all(|part| call.contains(part))
            };
            let all = calls.len() == expected.len()
                && calls.iter().zip(expected).all(|(call, part)| fits(call, part));
            assert!(all, "expected {expected:#?}, got {calls:#?}");
        }
        self
    }

    #[track_caller]
    pub(super) fn check_task_failure(&mut self, jobs: Vec<Job>, expected: &str) {
        for (result, _) in self.activate(&jobs) {
            assert_eq!(result.unwrap_err(), expected);
        }
    }

    fn activate(&mut self, jobs: &[Job]) -> Vec<(Result<(), String>, Vec<String>)> {
        let activate = |Instance { instance, counts, calls }: &mut Instance| {
            exchange(counts);
            let result = instance.activate(task(jobs.to_vec()));
            exchange(counts);
            calls.extend(take());
            (result.map_err(|reason| reason.to_string()), std::mem::take(calls))
        };
        self.0.iter_mut().map(activate).collect()
    }

    #[track_caller]
    pub(super) fn answer(&self, name: &str) -> String {
        self.same(|instance| match instance.query(query(name)) {
            Ok(answer) => String::from_utf8(answer.data).unwrap(),
            Err(reason) => reason.to_string(),
        })
    }

    #[track_caller]
    pub(super) fn verdict(&self, update: Update) -> Result<(), String> {
        self.same(|instance| instance.validate(update.clone()).map_err(|reason| reason.to_string()))
    }

    #[track_caller]
    fn same<T: PartialEq + std::fmt::Debug>(&self, ask: impl Fn(&WorkflowInstance) -> T) -> T {
        let mut answers: Vec<T> = self.0.iter().map(|instance| ask(&instance.instance)).collect();
        let last = answers.pop().unwrap();
        answers.iter().for_each(|answer| assert_eq!(*answer, last));
        last
    }
}
