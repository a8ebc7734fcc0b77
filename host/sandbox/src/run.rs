//! What the host keeps for a guest: the data of its store.

use std::collections::BTreeMap;

use crate::command::Command;
use crate::config::{Feature, Features};
use crate::fault::{LimitKind, Location, misuse};
use crate::limits::{
    MAX_COMMAND_BYTES, MAX_COMMANDS, MAX_LOG_BYTES, MAX_NAME_BYTES, MAX_PATCHES, MAX_RANDOM_BYTES,
    MAX_RANDOM_BYTES_PER_CALL,
};
use crate::memory::MemoryLimiter;
use crate::random::Streams;
use crate::sink::Sink;
use crate::wasi::stdio::Lines;
use crate::weight::Weight;
use crate::wit::workflow::host::{log::Entry, metrics::Measurement};

/// What a guest is called for, which decides what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is being instantiated, or asked for its definitions.
    Definitions,
    /// It takes jobs: the only phase that records commands.
    Activate,
    /// It answers a query.
    Query,
    /// It validates an update.
    ValidateUpdate,
}

/// The part of a guest's state that the host holds. Belongs to every copy of the guest.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Nanoseconds since 1970.
    pub(crate) time: u64,
    pub(crate) random: Streams,
    pub(crate) patches: BTreeMap<String, Patch>,
    pub(crate) sequences: Sequences,
}

impl State {
    /// Feeds it to a hash.
    pub(crate) fn digest(&self, mut add: impl FnMut(&[u8])) {
        add(&self.time.to_le_bytes());
        self.random.digest(&mut add);
        for (patch_id, patch) in &self.patches {
            // Only replay knows of patches before they are asked for.
            if let Patch::Answered(patched) = patch {
                add(&(patch_id.len() as u64).to_le_bytes());
                add(patch_id.as_bytes());
                add(&[u8::from(*patched)]);
            }
        }
        let Sequences {
            timers,
            activities,
            child_workflows,
            external_signals,
            external_cancels,
            nexus_operations,
        } = self.sequences;
        for sequence in
            [timers, activities, child_workflows, external_signals, external_cancels, nexus_operations]
        {
            add(&sequence.to_le_bytes());
        }
    }
}

/// What is known of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patch {
    /// History says that the run has it; the guest did not ask yet.
    Notified,
    /// What the guest was told, which holds for ever.
    Answered(bool),
}

/// The last sequence number of each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequences {
    pub(crate) timers: u32,
    pub(crate) activities: u32,
    pub(crate) child_workflows: u32,
    pub(crate) external_signals: u32,
    pub(crate) external_cancels: u32,
    pub(crate) nexus_operations: u32,
}

/// What guests draw from while they are made: it is the same for all, so that new guests of a module
/// are, too.
const SEED_BEFORE_THE_RUN: u64 = 0;

/// What one activation has used up so far.
#[derive(Debug, Default)]
struct Usage {
    command_bytes: usize,
    log_bytes: usize,
    random_bytes: usize,
}

/// The data of a guest's store.
pub(crate) struct Run {
    pub(crate) state: State,
    pub(crate) memory: MemoryLimiter,
    pub(crate) phase: Phase,
    pub(crate) replaying: bool,
    pub(crate) panic: Option<(String, Option<Location>)>,
    pub(crate) lines: Lines,
    /// Whether the guest ever got a component handle, which a copy of it would not have.
    pub(crate) gave_handles: bool,
    supported: Features,
    commands: Vec<Command>,
    usage: Usage,
    sink: Box<dyn Sink>,
}

impl Run {
    pub(crate) fn new(sink: Box<dyn Sink>, memory_bytes: usize, supported: Features) -> Self {
        Self {
            state: State {
                time: 0,
                random: Streams::new(SEED_BEFORE_THE_RUN),
                patches: BTreeMap::new(),
                sequences: Sequences::default(),
            },
            memory: MemoryLimiter::new(memory_bytes),
            phase: Phase::Definitions,
            replaying: false,
            panic: None,
            lines: Lines::default(),
            gave_handles: false,
            supported,
            commands: Vec::new(),
            usage: Usage::default(),
            sink,
        }
    }

    /// Makes ready for a call.
    pub(crate) fn begin(&mut self, phase: Phase, replaying: bool) {
        self.phase = phase;
        self.replaying = replaying;
        self.panic = None;
        self.usage = Usage::default();
        self.commands.clear();
    }

    /// Ends a call: what the guest printed without a line end is logged, too.
    pub(crate) fn end(&mut self) -> Vec<Command> {
        for entry in self.lines.finish() {
            self.deliver(entry);
        }
        std::mem::take(&mut self.commands)
    }

    /// Whether a command of a feature may be recorded now.
    pub(crate) fn permit(&self, feature: Feature) -> wasmtime::Result<()> {
        let name = feature.name();
        let phase = match self.phase {
            Phase::Activate if self.supported.contains(feature) => return Ok(()),
            Phase::Activate => {
                return Err(misuse(format!("unsupported: this host does not offer {name}")));
            }
            Phase::Definitions => "while it was asked for its definitions",
            Phase::Query => "in a query, which may only read",
            Phase::ValidateUpdate => "in the validator of an update, which may only read",
        };
        Err(misuse(format!("it asked for {name} {phase}")))
    }

    /// Records a command that weighs so much.
    pub(crate) fn record(&mut self, command: Command, bytes: usize) -> wasmtime::Result<()> {
        self.usage.command_bytes = self.usage.command_bytes.saturating_add(bytes);
        if self.usage.command_bytes > MAX_COMMAND_BYTES {
            return Err(LimitKind::CommandBytes.into());
        }
        if self.commands.len() >= MAX_COMMANDS {
            return Err(LimitKind::Commands.into());
        }
        self.commands.push(command);
        Ok(())
    }

    /// Bytes of a random stream.
    pub(crate) fn random_bytes(&mut self, stream: &str, length: u64) -> wasmtime::Result<Vec<u8>> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_RANDOM_BYTES_PER_CALL {
            return Err(LimitKind::RandomBytes.into());
        }
        self.usage.random_bytes += length;
        if self.usage.random_bytes > MAX_RANDOM_BYTES {
            return Err(LimitKind::RandomBytes.into());
        }
        Ok(self.state.random.stream(stream)?.next_bytes(length))
    }

    /// The next 64 bits of a random stream.
    pub(crate) fn random_u64(&mut self, stream: &str) -> wasmtime::Result<u64> {
        Ok(self.state.random.stream(stream)?.next_u64())
    }

    /// What the guest was told about a patch.
    pub(crate) fn known_patch(&self, patch_id: &str) -> Option<bool> {
        match self.state.patches.get(patch_id) {
            Some(Patch::Answered(patched)) => Some(*patched),
            Some(Patch::Notified) | None => None,
        }
    }

    /// Decides about a patch that the guest asks for the first time.
    pub(crate) fn decide_patch(&mut self, patch_id: &str) -> wasmtime::Result<bool> {
        if patch_id.len() > MAX_NAME_BYTES {
            return Err(LimitKind::NameBytes(patch_id.len()).into());
        }
        if self.state.patches.len() >= MAX_PATCHES {
            return Err(LimitKind::Patches.into());
        }
        let patched = !self.replaying || self.state.patches.contains_key(patch_id);
        self.state.patches.insert(patch_id.to_owned(), Patch::Answered(patched));
        Ok(patched)
    }

    /// Takes note of patches that history says the run has.
    pub(crate) fn notify_patches(&mut self, patch_ids: Vec<String>) {
        for patch_id in patch_ids {
            self.state.patches.entry(patch_id).or_insert(Patch::Notified);
        }
    }

    /// Counts and delivers a log entry.
    pub(crate) fn log(&mut self, entry: Entry) -> wasmtime::Result<()> {
        let fields: usize = entry.fields.weight();
        self.count_log(entry.target.len() + entry.message.len() + fields)?;
        self.deliver(entry);
        Ok(())
    }

    /// Counts and delivers a measurement.
    pub(crate) fn measure(&mut self, measurement: Measurement) -> wasmtime::Result<()> {
        let attributes: usize = measurement.attributes.weight();
        self.count_log(measurement.name.len() + measurement.description.len() + attributes)?;
        if !self.replaying {
            self.sink.measure(measurement);
        }
        Ok(())
    }

    /// Takes what the guest wrote to a standard stream, and delivers the lines that it ends.
    pub(crate) fn print(&mut self, stream: u32, bytes: &[u8]) -> wasmtime::Result<()> {
        self.count_log(bytes.len())?;
        for entry in self.lines.take(stream, bytes) {
            self.deliver(entry);
        }
        Ok(())
    }

    fn count_log(&mut self, bytes: usize) -> wasmtime::Result<()> {
        // An entry without a byte of text costs something, too.
        const ENTRY_BYTES: usize = 16;
        self.usage.log_bytes = self.usage.log_bytes.saturating_add(bytes).saturating_add(ENTRY_BYTES);
        if self.usage.log_bytes > MAX_LOG_BYTES {
            return Err(LimitKind::LogBytes.into());
        }
        Ok(())
    }

    fn deliver(&mut self, entry: Entry) {
        if !self.replaying {
            self.sink.log(entry);
        }
    }
}
