//! What `host modules check` and `host modules swap` print of a candidate: text, JSON, or JUnit's XML.

use std::path::PathBuf;

use host_worker::{
    control::CandidateReport,
    gate::{CheckedRun, GateReport, Tally},
    modules::{LoadedModule, policy::SwapPolicy},
    swap::SwapOutcome,
};

use super::type_name;
use crate::output::{
    Format, Output,
    escape::{Place, escape},
    json::Object,
    junit::{Case, Suite},
};

/// A candidate, and what was found out about it.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) path: PathBuf,
    /// Why it is not a module that a host would run.
    pub(super) problem: Option<String>,
    pub(super) digest: String,
    pub(super) types: Vec<String>,
    /// Verdicts on open runs; nothing where there was no service.
    pub(super) runs: Option<Tally>,
    pub(super) report: GateReport,
    /// Whether it was taken, and by which policy; nothing after a check.
    pub(super) swapped: Option<(bool, SwapPolicy)>,
}

/// Prints candidates, one after another.
#[derive(Debug)]
pub(super) struct Printer {
    output: Output,
    all_good: bool,
    suites: Vec<Suite>,
}

impl Checked {
    /// A file that is not a module.
    pub(super) fn refused(path: PathBuf, problem: String) -> Self {
        Self {
            path,
            problem: Some(problem),
            digest: String::new(),
            types: Vec::new(),
            runs: None,
            report: GateReport::default(),
            swapped: None,
        }
    }

    /// What a running host found out.
    pub(super) fn by_host(path: PathBuf, checked: CandidateReport) -> Self {
        let CandidateReport { digest, workflow_types: types, report } = checked;
        Self { path, problem: None, digest, types, runs: Some(report.runs), report, swapped: None }
    }

    /// What a running host did.
    pub(super) fn swapped(path: PathBuf, outcome: SwapOutcome) -> Self {
        let SwapOutcome { digest, swapped, policy, workflow_types: types, report, .. } = outcome;
        // With this policy the verdicts come later.
        let runs = (policy != SwapPolicy::Pin).then_some(report.runs);
        Self { path, problem: None, digest, types, runs, report, swapped: Some((swapped, policy)) }
    }

    /// A module.
    pub(super) fn module(
        path: PathBuf,
        module: &LoadedModule,
        runs: Option<Tally>,
        report: GateReport,
    ) -> Self {
        Self {
            path,
            problem: None,
            digest: module.digest().to_string(),
            types: module.types().map(str::to_owned).collect(),
            runs,
            report,
            swapped: None,
        }
    }

    /// Whether it is a module, and was taken; after a check, whether every open run agrees.
    fn is_good(&self) -> bool {
        let is_taken = match self.swapped {
            Some((is_taken, _)) => is_taken,
            None => self.runs.is_none_or(Tally::all_agree),
        };
        self.problem.is_none() && is_taken
    }

    fn text(&self) -> String {
        let path = self.path.display().to_string();
        let path = escape(&path, Place::Line);
        if let Some(problem) = &self.problem {
            return format!("refused  {path}: {}", escape(problem, Place::Line));
        }
        let types: Vec<&str> = self.types.iter().map(|name| type_name(name)).collect();
        let word = match (self.swapped, self.is_good()) {
            (None, true) => "ok",
            (None, false) => "differs",
            (Some(_), true) => "swapped",
            (Some(_), false) => "refused",
        };
        let mut text = format!("{word:<7}  {path}: {}", escape(&types.join(", "), Place::Line));
        for change in &self.report.changes {
            text.push_str(&format!("\n  {}", escape(&change.to_string(), Place::Line)));
        }
        if let Some(runs) = self.runs {
            text.push_str(&format!("\n  open runs: {runs}"));
        }
        match self.swapped {
            Some((true, SwapPolicy::Pin)) => {
                text.push_str(
                    "\n  open runs stay on their module; the verdicts on them will be in `host modules log`",
                );
            }
            Some((true, SwapPolicy::Upgrade | SwapPolicy::Require)) => {
                text.push_str("\n  open runs that agree move at their next workflow task, the others stay");
            }
            Some((false, _)) => text.push_str("\n  nothing was changed"),
            None => {}
        }
        for run in &self.report.disagree {
            text.push_str(&format!("\n  {}", escape(&name(run), Place::Line)));
            for line in run.verdict.to_string().lines() {
                text.push_str(&format!("\n    {}", escape(line, Place::Line)));
            }
        }
        if self.report.omitted > 0 {
            text.push_str(&format!("\n  and {} more runs that do not agree", self.report.omitted));
        }
        text
    }

    fn object(&self) -> Object {
        let mut object = Object::new()
            .field("path", self.path.display().to_string())
            .field("ok", self.is_good())
            .field("workflowTypes", &self.types);
        if let Some(problem) = &self.problem {
            return object.field("problem", problem);
        }
        object = object.field("digest", &self.digest).field("changes", &self.report.changes);
        if let Some((swapped, policy)) = self.swapped {
            object = object.field("swapped", swapped).field("policy", policy);
        }
        match self.runs {
            None => object,
            Some(runs) => object
                .field("runs", runs)
                .field("disagree", &self.report.disagree)
                .field("omitted", self.report.omitted),
        }
    }

    fn suite(&self) -> Suite {
        let path = self.path.display().to_string();
        let loads = Case { class: "module".to_owned(), name: path.clone(), failure: self.problem.clone() };
        let disagree = self.report.disagree.iter().map(|run| Case {
            class: type_name(&run.workflow_type).to_owned(),
            name: name(run),
            failure: Some(run.verdict.to_string()),
        });
        let runs = self.runs.unwrap_or_default();
        Suite {
            name: path,
            tests: 1 + runs.checked(),
            failures: u64::from(self.problem.is_some()) + runs.differ + runs.cannot_tell,
            cases: std::iter::once(loads).chain(disagree).collect(),
        }
    }
}

impl Printer {
    pub(super) fn new(output: Output) -> Self {
        Self { output, all_good: true, suites: Vec::new() }
    }

    /// Prints a candidate. With JUnit's format all of them are printed at the end.
    pub(super) fn print(&mut self, checked: &Checked) -> anyhow::Result<()> {
        self.all_good &= checked.is_good();
        match self.output.format() {
            Format::Text => Ok(self.output.lines(checked.text())?),
            Format::Json | Format::Jsonl => self.output.object(checked.object()),
            Format::Junit => {
                self.suites.push(checked.suite());
                Ok(())
            }
        }
    }

    /// Prints what is left. Whether all candidates are good.
    pub(super) fn finish(self) -> anyhow::Result<bool> {
        if self.output.format() == Format::Junit {
            self.output.lines(crate::output::junit::document(&self.suites))?;
        }
        Ok(self.all_good)
    }
}

fn name(run: &CheckedRun) -> String {
    let CheckedRun { workflow_id, run_id, workflow_type, .. } = run;
    format!("workflow {workflow_id}, run {run_id}: {}", type_name(workflow_type))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use host_worker::gate::{Change, ChangeKind, ChangedPart, RunVerdict, WhyUnknown};

    use super::*;

    fn checked() -> Checked {
        let change = Change {
            change: ChangeKind::Removed,
            part: ChangedPart::Signal,
            workflow_type: "Orders".to_owned(),
            name: "pay".to_owned(),
            detail: String::new(),
        };
        let mut report = GateReport::new(vec![change]);
        let verdicts = [
            RunVerdict::Agrees,
            RunVerdict::Differs {
                event_id: 5,
                history: "timer 1".to_owned(),
                module: "<none>".to_owned(),
                at: None,
            },
            RunVerdict::CannotTell { why: WhyUnknown::Gone, message: "no such run".to_owned() },
        ];
        for (number, verdict) in verdicts.into_iter().enumerate() {
            report.add(&CheckedRun {
                workflow_id: format!("order-{number}"),
                run_id: format!("r{number}"),
                workflow_type: "Orders".to_owned(),
                verdict,
            });
        }
        Checked {
            path: "orders.wasm".into(),
            problem: None,
            digest: "ab".to_owned(),
            types: vec!["Orders".to_owned()],
            runs: Some(report.runs),
            report,
            swapped: None,
        }
    }

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(text);
    }

    #[test]
    fn a_candidate_in_every_format() {
        let checked = checked();
        assert!(!checked.is_good());
        check(
            &checked.text(),
            expect![[r#"
            differs  orders.wasm: Orders
              - signal pay of workflow Orders
              open runs: 1 agree, 1 differ, of 1 it cannot be told
              workflow order-1, run r1: Orders
                differs at event 5
                history:  timer 1
                workflow: <none>
              workflow order-2, run r2: Orders
                cannot be told: no such run"#]],
        );
        check(
            &checked.object().finish(),
            expect![[
                r#"{"path":"orders.wasm","ok":false,"workflowTypes":["Orders"],"digest":"ab","changes":[{"change":"removed","part":"signal","workflowType":"Orders","name":"pay","detail":""}],"runs":{"agree":1,"differ":1,"cannotTell":1},"disagree":[{"workflowId":"order-1","runId":"r1","workflowType":"Orders","verdict":"differs","eventId":5,"history":"timer 1","module":"\u003cnone\u003e"},{"workflowId":"order-2","runId":"r2","workflowType":"Orders","verdict":"cannotTell","why":"gone","message":"no such run"}],"omitted":0}"#
            ]],
        );
        check(
            &crate::output::junit::document(&[checked.suite()]),
            expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites>
              <testsuite name="orders.wasm" tests="4" failures="2">
                <testcase classname="module" name="orders.wasm"/>
                <testcase classname="Orders" name="workflow order-1, run r1: Orders"><failure message="differs at event 5">differs at event 5
            history:  timer 1
            workflow: &lt;none&gt;</failure></testcase>
                <testcase classname="Orders" name="workflow order-2, run r2: Orders"><failure message="cannot be told: no such run">cannot be told: no such run</failure></testcase>
              </testsuite>
            </testsuites>"#]],
        );
        let refused = Checked::refused("orders.wasm".into(), "no component".to_owned());
        check(&refused.text(), expect!["refused  orders.wasm: no component"]);
        check(
            &crate::output::junit::document(&[refused.suite()]),
            expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites>
              <testsuite name="orders.wasm" tests="1" failures="1">
                <testcase classname="module" name="orders.wasm"><failure message="no component">no component</failure></testcase>
              </testsuite>
            </testsuites>"#]],
        );
    }
}
