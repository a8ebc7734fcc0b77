//! Guests: what answers activations, the same for both engines.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use host_core::{Activation, Command, Job};

/// A guest. Its answers depend on nothing but the activations so far.
pub trait Player {
    /// What it asks for in this activation.
    ///
    /// # Errors
    ///
    /// When the guest faults.
    fn play(&mut self, activation: &Activation) -> Result<Vec<Command>, String>;
}

/// What a guest said, activation by activation, when it wrote a history.
#[derive(Clone, Debug, Default)]
pub struct Script {
    by_activation: Vec<Vec<Command>>,
    by_job: BTreeMap<String, Vec<Command>>,
}

/// How a [`ScriptPlayer`] finds its answer when history is no longer the one of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The n-th activation gets the n-th answer, whatever is in it: a guest that listens to nothing.
    ByActivation,
    /// Each job gets what was said when it first came, whenever it comes: a guest that waits for what
    /// it asked for.
    ByJob,
}

impl Script {
    /// Appends what was said in an activation.
    pub fn push(&mut self, keys: &[String], commands: Vec<Command>) {
        // What several jobs bring about together is put down to the last of them.
        if let Some(key) = keys.last() {
            self.by_job.entry(key.clone()).or_default().extend(commands.iter().cloned());
        }
        self.by_activation.push(commands);
    }

    /// Sequence numbers of local activities.
    pub fn local_activities(&self) -> BTreeSet<u32> {
        self.by_activation
            .iter()
            .flatten()
            .filter_map(|command| match command {
                Command::ScheduleLocalActivity { seq, .. } => Some(*seq),
                _ => None,
            })
            .collect()
    }
}

/// A guest that reads from a script.
#[derive(Clone, Debug)]
pub struct ScriptPlayer {
    script: Arc<Script>,
    lookup: Lookup,
    activations: usize,
    keys: JobKeys,
}

impl ScriptPlayer {
    /// At the start of its script.
    pub fn new(script: Arc<Script>, lookup: Lookup) -> Self {
        Self { script, lookup, activations: 0, keys: JobKeys::default() }
    }
}

impl Player for ScriptPlayer {
    fn play(&mut self, activation: &Activation) -> Result<Vec<Command>, String> {
        let keys = self.keys.of(activation);
        let index = self.activations;
        self.activations += 1;
        Ok(match self.lookup {
            Lookup::ByActivation => self.script.by_activation.get(index).cloned().unwrap_or_default(),
            Lookup::ByJob => {
                keys.iter().filter_map(|key| self.script.by_job.get(key)).flatten().cloned().collect()
            }
        })
    }
}

/// Names for jobs, each given once in a run.
#[derive(Clone, Debug, Default)]
pub struct JobKeys {
    signals: usize,
}

impl JobKeys {
    /// The names of an activation's jobs.
    pub fn of(&mut self, activation: &Activation) -> Vec<String> {
        activation.jobs.iter().map(|job| self.key(job)).collect()
    }

    fn key(&mut self, job: &Job) -> String {
        match job {
            Job::Start(_) => "start".to_owned(),
            Job::UpdateRandomSeed { .. } => "seed".to_owned(),
            Job::Signal { .. } => {
                self.signals += 1;
                format!("signal {}", self.signals)
            }
            Job::Update(update) => format!("update {}", update.protocol_instance_id),
            Job::Cancel(_) => "cancel".to_owned(),
            Job::TimerFired { seq } => format!("timer {seq}"),
            Job::ActivityResolved { seq, .. } => format!("activity {seq}"),
            Job::ChildWorkflowStartResolved { seq, .. } => format!("start of child {seq}"),
            Job::ChildWorkflowResolved { seq, .. } => format!("child {seq}"),
            Job::ExternalSignalResolved { seq, .. } => format!("external signal {seq}"),
            Job::ExternalCancelResolved { seq, .. } => format!("external cancel {seq}"),
            Job::NexusStartResolved { seq, .. } => format!("start of operation {seq}"),
            Job::NexusResolved { seq, .. } => format!("operation {seq}"),
        }
    }
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByActivation => "by activation",
            Self::ByJob => "by job",
        })
    }
}
