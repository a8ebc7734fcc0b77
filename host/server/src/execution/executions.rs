//! All runs, and one transition of them: a request changes a run, which may change others.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use elsa::FrozenMap;
use host_wire::temporal::api::common::v1::WorkflowExecution;

use crate::{
    error::Error,
    execution::{
        archive::Archive,
        record::RunNumber,
        run::Run,
        task::{Task, activity_task, workflow_task},
    },
};

/// All runs. Those that are not in memory are brought in when somebody asks for them.
pub(crate) struct Executions {
    namespaces: BTreeSet<String>,
    archive: Box<dyn Archive>,
    runs: FrozenMap<RunNumber, Box<Run>>,
    /// The latest run of a namespace and workflow id, for runs that were started in this process and
    /// have not left memory; the archive knows the others.
    current: HashMap<(String, String), RunNumber>,
    /// The same by run id.
    by_run_id: HashMap<String, RunNumber>,
    pub(crate) next_number: RunNumber,
}

impl fmt::Debug for Executions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executions").field("next_number", &self.next_number).finish_non_exhaustive()
    }
}

impl Executions {
    /// Every run is in the archive, and `next_number` is that of the next to start.
    pub(crate) fn new(
        namespaces: impl IntoIterator<Item = String>,
        archive: Box<dyn Archive>,
        next_number: RunNumber,
    ) -> Self {
        Self {
            namespaces: namespaces.into_iter().collect(),
            archive,
            runs: FrozenMap::new(),
            current: HashMap::new(),
            by_run_id: HashMap::new(),
            next_number,
        }
    }

    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().map(String::as_str)
    }

    pub(crate) fn check_namespace(&self, namespace: &str) -> Result<(), Error> {
        if namespace.is_empty() {
            return Err(Error::invalid("Namespace not set on request."));
        }
        if self.namespaces.contains(namespace) {
            Ok(())
        } else {
            Err(Error::NamespaceNotFound(namespace.to_owned()))
        }
    }

    /// A run, in memory from now on.
    pub(crate) fn run(&self, number: RunNumber) -> Option<&Run> {
        if let Some(run) = self.runs.get(&number) {
            return Some(run);
        }
        // Numbers come back from outside, in tokens: one that was never given out is not looked for.
        let run = (number < self.next_number).then(|| self.archive.load(number)).flatten()?;
        Some(self.runs.insert(number, Box::new(run)))
    }

    pub(crate) fn run_mut(&mut self, number: RunNumber) -> Option<&mut Run> {
        self.run(number)?;
        self.runs.as_mut().get_mut(&number).map(Box::as_mut)
    }

    /// Runs that are in memory, in no order.
    pub(crate) fn runs(&mut self) -> impl Iterator<Item = (RunNumber, &Run)> {
        self.runs.as_mut().iter().map(|(number, run)| (*number, run.as_ref()))
    }

    /// The number that the next run gets.
    pub(crate) fn next_number(&self) -> RunNumber {
        self.next_number
    }

    /// The latest run of a workflow id.
    pub(crate) fn current(&self, namespace: &str, workflow_id: &str) -> Option<RunNumber> {
        let known = self.current.get(&(namespace.to_owned(), workflow_id.to_owned()));
        known.copied().or_else(|| self.archive.latest(namespace, workflow_id))
    }

    /// Forgets a run, which the archive must have.
    pub(crate) fn evict(&mut self, number: RunNumber) -> Option<Run> {
        let run = self.runs.as_mut().remove(&number)?;
        self.by_run_id.remove(&run.identity.run_id);
        let key = (run.identity.namespace.clone(), run.identity.workflow_id.clone());
        if self.current.get(&key) == Some(&number) {
            self.current.remove(&key);
        }
        Some(*run)
    }

    /// The run that a request names; without a run id the latest.
    pub(crate) fn find(
        &self,
        namespace: &str,
        execution: Option<&WorkflowExecution>,
    ) -> Result<RunNumber, Error> {
        self.check_namespace(namespace)?;
        let Some(execution) = execution else {
            return Err(Error::invalid("Execution is not set on request."));
        };
        if execution.workflow_id.is_empty() {
            return Err(Error::invalid("WorkflowId is not set on request."));
        }
        if !execution.run_id.is_empty() && !is_run_id(&execution.run_id) {
            return Err(Error::invalid("Invalid RunId."));
        }
        let found = if execution.run_id.is_empty() {
            self.current(namespace, &execution.workflow_id)
        } else {
            let known = self.by_run_id.get(&execution.run_id).copied();
            known.or_else(|| self.archive.with_run_id(&execution.run_id)).filter(|number| {
                self.run(*number).is_some_and(|run| {
                    run.identity.workflow_id == execution.workflow_id && run.identity.namespace == namespace
                })
            })
        };
        found.ok_or_else(|| Error::no_workflow(&execution.workflow_id))
    }

    /// The same, if that run is open. `first_run_id` keeps a request to one chain of runs.
    pub(crate) fn find_open(
        &self,
        namespace: &str,
        execution: Option<&WorkflowExecution>,
        first_run_id: &str,
    ) -> Result<RunNumber, Error> {
        let number = self.find(namespace, execution)?;
        let Some(run) = self.run(number) else { return Err(Error::completed()) };
        if !first_run_id.is_empty() && run.start.first_execution_run_id != first_run_id {
            return Err(Error::no_workflow(&run.identity.workflow_id));
        }
        if run.is_open() { Ok(number) } else { Err(Error::completed()) }
    }

    /// Tasks that wait for a worker, for queues to be filled after a restart.
    pub(crate) fn waiting_tasks(&mut self) -> Vec<Task> {
        let mut runs: Vec<_> = self.runs().filter(|(_, run)| run.is_open()).collect();
        runs.sort_unstable_by_key(|(number, _)| *number);
        let mut tasks = Vec::new();
        for (number, run) in runs {
            tasks.extend(workflow_task(number, run));
            tasks.extend(run.activities.keys().filter_map(|id| activity_task(number, run, *id)));
        }
        tasks
    }

    pub(crate) fn add(&mut self, number: RunNumber, run: Run) {
        let identity = &run.identity;
        self.current.insert((identity.namespace.clone(), identity.workflow_id.clone()), number);
        self.by_run_id.insert(identity.run_id.clone(), number);
        self.next_number = self.next_number.max(number + 1);
        self.runs.as_mut().insert(number, Box::new(run));
    }
}

/// Whether this has the form of a UUID.
fn is_run_id(run_id: &str) -> bool {
    run_id.len() == 36
        && run_id.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
