//! The configuration of an engine.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The configuration of an [`Engine`](crate::Engine).
#[derive(Clone, Debug)]
pub struct Config {
    /// The limit of the linear memory of one guest, in bytes. Default: 64 MiB.
    pub memory_bytes: usize,
    /// The limit of the elapsed time of one call into a guest. A call that reaches it fails the workflow
    /// task; the guest cannot observe it. Default: 2 s.
    pub deadline: Duration,
    /// The fuel of one call into a guest, about one unit for each instruction (`wasmtime::Store::set_fuel`).
    /// Unlike the deadline it is the same on every machine and in every replay. Default: no limit.
    pub fuel: Option<u64>,
    /// The number of guests that may be alive at one time. Each reserves 4 GiB of address space, and occupies
    /// the memory that it has written to. Default: 4096.
    pub instances: u32,
    /// The folder of compiled modules. Default: none, so that every load compiles.
    pub cache: Option<PathBuf>,
    /// The limits of compiling one module.
    pub compile: CompileLimits,
    /// The features that the embedding host supports. A guest that uses another one is stopped with a message
    /// that begins with `unsupported:`. Default: all.
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

/// Folder of modules that tests compiled. The tests' harness has its name too.
const COMPILED_BY_TESTS: &str = "compiled-modules";

impl Config {
    /// The defaults for tests: they have one cache, beside the test programs, where cargo cleans it. The compiler takes
    /// seconds where it is not optimized.
    #[must_use]
    pub fn for_tests() -> Self {
        let program = std::env::current_exe().ok();
        let folder = program.as_deref().and_then(Path::parent).map(|folder| folder.join(COMPILED_BY_TESTS));
        Self { cache: folder, ..Self::default() }
    }
}

/// The limits of compiling one module. They apply in a child process only: see
/// [`compile_child_main`](crate::compile_child_main).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Processor time of all threads together; cut to whole seconds, at least 1 s. Default: 60 s.
    pub cpu: Duration,
    /// Elapsed time. Default: 120 s.
    pub elapsed: Duration,
    /// Bytes of memory (`RLIMIT_DATA`). Default: 4 GiB.
    pub memory_bytes: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { cpu: Duration::from_secs(60), elapsed: Duration::from_secs(120), memory_bytes: 4 << 30 }
    }
}

/// A group of imports that a host supports or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Feature {
    /// `activities.schedule` and `cancel`.
    Activities,
    /// `activities.schedule-local`.
    LocalActivities,
    /// `time.start-timer` and `cancel-timer`.
    Timers,
    /// `child-workflows`.
    ChildWorkflows,
    /// `external-workflows.signal` and `cancel-signal`.
    ExternalSignals,
    /// `external-workflows.request-cancel`.
    ExternalCancels,
    /// `nexus`.
    Nexus,
    /// `workflow.continue-as-new`.
    ContinueAsNew,
    /// `workflow.patched`.
    Patches,
    /// `workflow.upsert-search-attributes`.
    SearchAttributes,
    /// `workflow.upsert-memo`.
    Memo,
    /// `workflow.set-current-details`.
    CurrentDetails,
    /// `workflow.complete-update`.
    Updates,
}

impl Feature {
    /// Every feature.
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

    /// The name in error messages.
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

/// A set of features, one bit each.
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
