//! All runs, as far as they are in memory.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use host_wire::temporal::api::{common::v1::WorkflowExecution, enums::v1::NamespaceState};

use crate::{
    batch::batches::Batches,
    deployment::deployments::Deployments,
    error::Error,
    execution::{
        damage::Damage,
        loading::{Found, Missing, Needed, NotReady, Pins},
        record::{RunIdentity, RunNumber},
        run::Run,
    },
    namespace::namespaces::Namespaces,
    nexus::endpoints::Endpoints,
    options::DEFAULT_RETENTION,
    schedule::schedules::Schedules,
    visibility::registry::Registry,
};

/// How often runs were dropped from memory to be read again.
pub(crate) type Drops = u64;

/// The runs in memory, and which of their names belong to others. Lookups that memory cannot answer fail with
/// [`NotReady::Needs`], those of damaged runs are refused. Beside them, the schedules that start runs, operations on
/// many of them, and the deployments whose workers get their tasks.
#[derive(Debug)]
pub(crate) struct Executions {
    pub(crate) namespaces: Namespaces,
    pub(crate) schedules: Schedules,
    pub(crate) batches: Batches,
    pub(crate) deployments: Deployments,
    pub(crate) endpoints: Endpoints,
    pub(crate) search_attributes: Registry,
    runs: HashMap<RunNumber, Box<Run>>,
    /// The latest run of a namespace and workflow id, where that is known and the run is in memory, or was dropped.
    latest: HashMap<(String, String), RunNumber>,
    /// Of every run in memory, and of those that were dropped.
    by_run_id: HashMap<String, RunNumber>,
    next_number: RunNumber,
    /// Whether runs exist that are not in memory.
    some_archived: bool,
    pins: Pins,
    /// Raised whenever a run is dropped from memory that is to be read again.
    drops: Drops,
    /// Runs whose last transition panicked.
    panicked: HashSet<RunNumber>,
    /// Runs that panicked again. They are treated as damaged until the process ends.
    set_aside: BTreeMap<RunNumber, Arc<Damage>>,
}

impl Executions {
    /// No run is in memory, those before `next_number` are in the archive.
    pub(crate) fn new(namespaces: impl IntoIterator<Item = String>, next_number: RunNumber) -> Self {
        Self {
            namespaces: Namespaces::new(Vec::new(), namespaces, DEFAULT_RETENTION),
            schedules: Schedules::default(),
            batches: Batches::default(),
            deployments: Deployments::default(),
            endpoints: Endpoints::default(),
            search_attributes: Registry::default(),
            runs: HashMap::new(),
            latest: HashMap::new(),
            by_run_id: HashMap::new(),
            next_number,
            some_archived: next_number > 0,
            pins: Pins::default(),
            drops: 0,
            panicked: HashSet::new(),
            set_aside: BTreeMap::new(),
        }
    }

    pub(crate) fn check_namespace(&self, namespace: &str) -> Result<(), Error> {
        if namespace.is_empty() {
            return Err(Error::invalid("Namespace not set on request."));
        }
        self.namespaces.find(namespace).map(drop)
    }

    /// Checks that a client may start workflows in a namespace.
    ///
    /// # Errors
    ///
    /// When it is deprecated. One that is not there is refused elsewhere.
    pub(crate) fn check_may_start(&self, namespace: &str) -> Result<(), Error> {
        let known = self.namespaces.get(namespace);
        let is_deprecated = known.is_some_and(|(_, it)| it.info.state() == NamespaceState::Deprecated);
        if is_deprecated { Err(Error::NamespaceDeprecated(namespace.to_owned())) } else { Ok(()) }
    }

    /// A run that is in memory.
    pub(crate) fn get(&self, number: RunNumber) -> Option<&Run> {
        self.runs.get(&number).map(Box::as_ref)
    }

    /// Numbers of the runs that memory knows: those that are there, and those that were set aside. In no order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = RunNumber> {
        self.runs.keys().chain(self.set_aside.keys()).copied()
    }

    /// Runs that are in memory, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (RunNumber, &Run)> {
        self.runs.iter().map(|(number, run)| (*number, run.as_ref()))
    }

    /// The number that the next run gets.
    pub(crate) fn next_number(&self) -> RunNumber {
        self.next_number
    }

    /// The run with this number; nothing if it was deleted or never given out.
    pub(crate) fn run(&self, number: RunNumber) -> Result<Option<&Run>, NotReady> {
        if let Some(run) = self.get(number) {
            return Ok(Some(run));
        }
        self.check_set_aside(number)?;
        // Numbers come back from outside, in tokens: one that was never given out is not looked for.
        if number < self.next_number {
            self.check_absent(Needed::Number(number))?;
        }
        Ok(None)
    }

    /// Whether the run with this number can be read and changed: false if it was deleted or is damaged.
    ///
    /// # Errors
    ///
    /// When it must be loaded first.
    pub(crate) fn is_readable(&self, number: RunNumber) -> Result<bool, NotReady> {
        match self.run(number) {
            Ok(run) => Ok(run.is_some()),
            Err(NotReady::Refused(_)) => Ok(false),
            Err(needs) => Err(needs),
        }
    }

    /// The latest run of a workflow id. It is in memory.
    pub(crate) fn latest(&self, namespace: &str, workflow_id: &str) -> Result<Option<RunNumber>, NotReady> {
        let key = (namespace.to_owned(), workflow_id.to_owned());
        if let Some(number) = self.latest.get(&key) {
            return Ok(self.run(*number)?.map(|_| *number));
        }
        let (namespace, workflow_id) = key;
        self.check_absent(Needed::Latest { namespace, workflow_id })?;
        Ok(None)
    }

    fn with_run_id(&self, run_id: &str) -> Result<Option<RunNumber>, NotReady> {
        if let Some(number) = self.by_run_id.get(run_id) {
            return Ok(self.run(*number)?.map(|_| *number));
        }
        self.check_absent(Needed::RunId(run_id.to_owned()))?;
        Ok(None)
    }

    fn check_set_aside(&self, number: RunNumber) -> Result<(), Error> {
        self.set_aside.get(&number).map_or(Ok(()), |damage| Err(Error::Damaged(damage.clone())))
    }

    fn check_absent(&self, needed: Needed) -> Result<(), NotReady> {
        if self.some_archived { self.pins.check_absent(needed) } else { Ok(()) }
    }

    /// The run that a request names; without a run id the latest. It is in memory.
    pub(crate) fn find(
        &self,
        namespace: &str,
        execution: Option<&WorkflowExecution>,
    ) -> Result<RunNumber, NotReady> {
        self.check_namespace(namespace)?;
        let Some(execution) = execution else {
            return Err(Error::invalid("Execution is not set on request.").into());
        };
        if execution.workflow_id.is_empty() {
            return Err(Error::invalid("WorkflowId is not set on request.").into());
        }
        if !execution.run_id.is_empty() && !is_run_id(&execution.run_id) {
            return Err(Error::invalid("Invalid RunId.").into());
        }
        let found = if execution.run_id.is_empty() {
            self.latest(namespace, &execution.workflow_id)?
        } else {
            self.find_by_run_id(namespace, execution)?
        };
        found.ok_or_else(|| Error::no_workflow(&execution.workflow_id).into())
    }

    fn find_by_run_id(
        &self,
        namespace: &str,
        execution: &WorkflowExecution,
    ) -> Result<Option<RunNumber>, NotReady> {
        let is_it = |its_namespace: &str, its_workflow_id: &str| {
            its_namespace == namespace && its_workflow_id == execution.workflow_id
        };
        match self.with_run_id(&execution.run_id) {
            Err(NotReady::Refused(Error::Damaged(damage)))
                if !is_it(&damage.namespace, &damage.workflow_id) =>
            {
                Ok(None)
            }
            found => Ok(found?.filter(|number| {
                let identity = self.get(*number).map(Run::identity);
                identity.is_some_and(|identity| is_it(&identity.namespace, &identity.workflow_id))
            })),
        }
    }

    /// As [`Self::find`], if that run is open. `first_run_id` keeps a request to one chain of runs.
    pub(crate) fn find_open(
        &self,
        namespace: &str,
        execution: Option<&WorkflowExecution>,
        first_run_id: &str,
    ) -> Result<RunNumber, NotReady> {
        let number = self.find(namespace, execution)?;
        let Some(run) = self.get(number) else { return Err(Error::completed().into()) };
        if !first_run_id.is_empty() && run.start().attributes().first_execution_run_id != first_run_id {
            return Err(Error::no_workflow(&run.identity().workflow_id).into());
        }
        if run.is_open() { Ok(number) } else { Err(Error::completed().into()) }
    }

    pub(in crate::execution) fn get_mut(&mut self, number: RunNumber) -> Option<&mut Run> {
        self.runs.get_mut(&number).map(Box::as_mut)
    }

    /// A run starts, the latest of its workflow id from now on.
    pub(in crate::execution) fn start(&mut self, run: Run) -> RunNumber {
        let number = self.next_number;
        self.next_number += 1;
        self.insert(number, run, true);
        number
    }

    fn insert(&mut self, number: RunNumber, run: Run, is_latest: bool) {
        let identity = run.identity();
        if is_latest {
            self.latest.insert((identity.namespace.clone(), identity.workflow_id.clone()), number);
        }
        self.by_run_id.insert(identity.run_id.clone(), number);
        self.runs.insert(number, Box::new(run));
    }

    /// A caller is about to load a run. Until [`Self::unpin`], it stays in memory once it is there. Answers what
    /// [`Self::loaded`] needs to know.
    pub(crate) fn pin(&mut self, needed: &Needed) -> Drops {
        self.pins.pin(needed);
        self.drops
    }

    /// The caller is done with the run.
    pub(crate) fn unpin(&mut self, needed: &Needed) {
        self.pins.unpin(needed);
    }

    /// What the archive has for a pinned run. What came into memory meanwhile is newer and stays. What left it
    /// meanwhile, to be read again, may be newer too: then the caller has to load again. Answers which run came into
    /// memory.
    pub(crate) fn loaded(&mut self, needed: &Needed, found: Found, drops: Drops) -> Option<RunNumber> {
        if drops != self.drops {
            return None;
        }
        let (number, run) = match found {
            Found::Run(number, run) if !self.is_leaving(&run) => (number, Some(run)),
            // It was damaged after it had come into memory.
            Found::Damaged(damage) if self.runs.contains_key(&damage.run) => (damage.run, None),
            Found::Damaged(damage) => {
                self.pins.set_missing(needed, Missing::Damaged(damage));
                return None;
            }
            // A run that is there is about to be deleted.
            Found::Run(..) | Found::Nothing => {
                self.pins.set_missing(needed, Missing::Absent);
                return None;
            }
        };
        if let Needed::Latest { namespace, workflow_id } = needed {
            self.latest.entry((namespace.clone(), workflow_id.clone())).or_insert(number);
        }
        // One that was set aside was looked for by a name that did not tell.
        let run =
            run.filter(|_| !self.runs.contains_key(&number) && !self.set_aside.contains_key(&number))?;
        self.insert(number, *run, false);
        Some(number)
    }

    /// A start brings a run back that was in memory when the process ended.
    pub(crate) fn resume(&mut self, number: RunNumber, run: Run) {
        if self.is_leaving(&run) {
            self.some_archived = true;
        } else {
            self.insert(number, run, false);
        }
    }

    /// Whether the namespace of a run is being deleted.
    fn is_leaving(&self, run: &Run) -> bool {
        self.namespaces.get(&run.identity().namespace).is_some_and(|(_, it)| it.is_leaving())
    }

    /// A run leaves memory; the archive must have it. Not if a caller needs it, or if it has something that the archive
    /// does not keep.
    pub(crate) fn evict(&mut self, number: RunNumber) -> Option<Run> {
        let run = self.get(number)?;
        if run.is_more_than_its_facts() {
            return None;
        }
        let identity = run.identity();
        if self.pins.hold(number, identity) {
            return None;
        }
        self.forget(number)
    }

    /// A run was deleted, also while a caller needs it.
    pub(crate) fn delete(&mut self, number: RunNumber) {
        if let Some(damage) = self.set_aside.remove(&number) {
            self.by_run_id.remove(&damage.run_id);
            let key = (damage.namespace.clone(), damage.workflow_id.clone());
            if self.latest.get(&key) == Some(&number) {
                self.latest.remove(&key);
            }
        }
        drop(self.forget(number));
    }

    /// Runs of a namespace that memory knows: those that are there, and those that were set aside.
    pub(crate) fn of_namespace(&self, namespace: &str) -> impl Iterator<Item = RunNumber> {
        let in_memory = self.iter().filter(move |(_, run)| run.identity().namespace == namespace);
        let set_aside = self.all_set_aside().filter(move |damage| damage.namespace == namespace);
        in_memory.map(|(number, _)| number).chain(set_aside.map(|damage| damage.run))
    }

    /// Forgets what a namespace has, other than the entities that leave one by one.
    pub(crate) fn forget_namespace(&mut self, namespace: &str) {
        // A field more has to say what it has of a namespace.
        let Self {
            search_attributes,
            latest,
            namespaces: _,
            schedules: _,
            batches: _,
            deployments: _,
            // None has the namespace as its target.
            endpoints: _,
            runs: _,
            by_run_id: _,
            next_number: _,
            some_archived: _,
            pins: _,
            drops: _,
            panicked: _,
            set_aside: _,
        } = self;
        search_attributes.forget_namespace(namespace);
        // Of runs that were dropped.
        latest.retain(|(of, _), _| of != namespace);
    }

    fn forget(&mut self, number: RunNumber) -> Option<Run> {
        let identity = self.get(number)?.identity();
        let key = (identity.namespace.clone(), identity.workflow_id.clone());
        let run = self.runs.remove(&number)?;
        self.by_run_id.remove(&run.identity().run_id);
        if self.latest.get(&key) == Some(&number) {
            self.latest.remove(&key);
        }
        self.some_archived = true;
        Some(*run)
    }

    /// The latest run of a workflow id, if that is known without the archive.
    pub(crate) fn known_latest(&self, names: &RunIdentity) -> Option<RunNumber> {
        self.latest.get(&(names.namespace.clone(), names.workflow_id.clone())).copied()
    }

    /// A start did not happen. It must be the last that did.
    pub(in crate::execution) fn undo_start(&mut self, number: RunNumber, latest_before: Option<RunNumber>) {
        let Some(run) = self.runs.remove(&number) else { return };
        let RunIdentity { namespace, workflow_id, run_id, request_id: _ } = run.identity().clone();
        self.by_run_id.remove(&run_id);
        match latest_before {
            Some(before) => self.latest.insert((namespace, workflow_id), before),
            None => self.latest.remove(&(namespace, workflow_id)),
        };
        self.next_number = number;
    }

    /// What memory has of a run is wrong. Its names stay known, because the archive may not have them yet.
    pub(in crate::execution) fn read_again(&mut self, number: RunNumber) {
        self.runs.remove(&number);
        self.some_archived = true;
        self.drops += 1;
    }

    /// A transition of a run panicked; answers whether that is the first time.
    pub(crate) fn note_panic(&mut self, number: RunNumber) -> bool {
        self.panicked.insert(number)
    }

    /// A transition of these runs was good.
    pub(crate) fn note_good(&mut self, numbers: impl IntoIterator<Item = RunNumber>) {
        if !self.panicked.is_empty() {
            for number in numbers {
                self.panicked.remove(&number);
            }
        }
    }

    pub(in crate::execution) fn set_aside(&mut self, damage: Damage) {
        self.set_aside.insert(damage.run, Arc::new(damage));
    }

    /// Tries a run again that was set aside; answers whether it was. If it panics once more, it is set aside again.
    pub(crate) fn try_again(&mut self, number: RunNumber) -> bool {
        self.set_aside.remove(&number).is_some()
    }

    /// A run that was set aside because it panics.
    pub(crate) fn get_set_aside(&self, number: RunNumber) -> Option<&Damage> {
        self.set_aside.get(&number).map(Arc::as_ref)
    }

    fn all_set_aside(&self) -> impl Iterator<Item = &Damage> {
        self.set_aside.values().map(Arc::as_ref)
    }
}

/// Whether this has the form of a UUID.
pub(crate) fn is_run_id(run_id: &str) -> bool {
    run_id.len() == 36
        && run_id.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
