//! What an embedding program may choose.

use std::path::PathBuf;
use std::time::Duration;

/// How an [`Engine`](crate::Engine) is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Most bytes of linear memory that one guest may have. Default: 64 MiB.
    pub memory_bytes: usize,
    /// Longest time that one call into a guest may take. It is elapsed time, so it only ever fails a
    /// workflow task and never changes what a workflow does. Default: 2 s.
    pub deadline: Duration,
    /// Instructions (roughly) that one call into a guest may execute: unlike the deadline the same on
    /// every machine and in every replay. Default: no such limit.
    pub fuel: Option<u64>,
    /// Most guests that are alive at one time. Each takes 4 GiB of address space and the memory that
    /// it touched. Default: 4096.
    pub instances: u32,
    /// Where compiled modules are kept. Default: nowhere, every load compiles.
    pub cache: Option<PathBuf>,
    /// What compiling one module may take.
    pub compile: CompileLimits,
    /// What the embedding host can carry out. A guest that asks for anything else is stopped with a
    /// message that begins with `unsupported:`. Default: everything.
    pub supported: Vec<Feature>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            deadline: Duration::from_secs(2),
            fuel: None,
            instances: 4_096,
            cache: None,
            compile: CompileLimits::default(),
            supported: Feature::ALL.to_vec(),
        }
    }
}

/// What compiling one module may take, where it happens in a child process: see
/// [`compile_child_main`](crate::compile_child_main).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Processor time of all threads together, in whole seconds. Default: 60 s.
    pub cpu: Duration,
    /// Elapsed time. Default: 120 s.
    pub elapsed: Duration,
    /// Bytes of memory. Default: 4 GiB.
    pub memory_bytes: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { cpu: Duration::from_secs(60), elapsed: Duration::from_secs(120), memory_bytes: 4 << 30 }
    }
}

/// What a host may or may not be able to carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Feature {
    /// Activities.
    Activities,
    /// Local activities.
    LocalActivities,
    /// Timers.
    Timers,
    /// Child workflows.
    ChildWorkflows,
    /// Signals to other workflows.
    ExternalSignals,
    /// Requests to other workflows to cancel.
    ExternalCancels,
    /// Nexus operations.
    Nexus,
    /// Continuing as new.
    ContinueAsNew,
    /// Patches.
    Patches,
    /// Search attributes.
    SearchAttributes,
    /// Memo.
    Memo,
    /// Current details.
    CurrentDetails,
    /// Updates.
    Updates,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Activities,
        Self::LocalActivities,
        Self::Timers,
        Self::ChildWorkflows,
        Self::ExternalSignals,
        Self::ExternalCancels,
        Self::Nexus,
        Self::ContinueAsNew,
        Self::Patches,
        Self::SearchAttributes,
        Self::Memo,
        Self::CurrentDetails,
        Self::Updates,
    ];

    /// What a guest's author calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Activities => "activities",
            Self::LocalActivities => "local activities",
            Self::Timers => "timers",
            Self::ChildWorkflows => "child workflows",
            Self::ExternalSignals => "signals to other workflows",
            Self::ExternalCancels => "requests to cancel other workflows",
            Self::Nexus => "Nexus operations",
            Self::ContinueAsNew => "continue-as-new",
            Self::Patches => "patches",
            Self::SearchAttributes => "search attributes",
            Self::Memo => "changes of the memo",
            Self::CurrentDetails => "current details",
            Self::Updates => "updates",
        }
    }
}

/// A set of features, as every guest carries one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Features(u16);

impl Features {
    pub(crate) fn contains(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u8) != 0
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        Self(features.into_iter().fold(0, |set, feature| set | 1 << feature as u8))
    }
}
