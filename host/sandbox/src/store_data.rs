//! The host's data for a guest: the data of its wasmtime store.

use crate::command::Command;
use crate::config::{Feature, Features};
use crate::fault::{LimitKind, Location, misuse};
use crate::limits::{
    MAX_COMMAND_BYTES, MAX_COMMANDS, MAX_LOG_BYTES, MAX_NAME_BYTES, MAX_PATCHES, MAX_RANDOM_BYTES,
    MAX_RANDOM_BYTES_PER_CALL,
};
use crate::memory::MemoryLimiter;
use crate::patches::Patches;
use crate::random::Streams;
use crate::sink::Sink;
use crate::wasi::stdio::Lines;
use crate::weight::Weight;
use crate::wit::workflow::host::{log::Entry, metrics::Measurement};

/// The export that a guest is called through. It decides which imports the guest may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// Instantiation, or `definitions`.
    Definitions,
    /// `activate`: the only call that records commands.
    Activate,
    /// `query`
    Query,
    /// `validate-update`
    ValidateUpdate,
}

/// The part of a guest's state that the host holds: a copy of the guest has it too.
#[derive(Clone, Debug)]
pub(crate) struct HostState {
    /// The time of the current workflow task, in nanoseconds since 1970.
    pub(crate) time: u64,
    pub(crate) random: Streams,
    pub(crate) patches: Patches,
    pub(crate) sequences: Sequences,
}

impl HostState {
    /// Bytes that it takes beside its own size.
    pub(crate) fn bytes(&self) -> usize {
        let Self { time: _, random, patches, sequences: _ } = self;
        random.bytes() + patches.bytes()
    }

    /// Passes the state to a hash, as bytes.
    pub(crate) fn digest(&self, mut add: impl FnMut(&[u8])) {
        add(&self.time.to_le_bytes());
        self.random.digest(&mut add);
        self.patches.digest(&mut add);
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

/// The last sequence number that was assigned, by kind. 0 if there was none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequences {
    pub(crate) timers: u32,
    pub(crate) activities: u32,
    pub(crate) child_workflows: u32,
    pub(crate) external_signals: u32,
    pub(crate) external_cancels: u32,
    pub(crate) nexus_operations: u32,
}

/// The random seed during instantiation: the same for all guests, so that new guests of a module are equal.
const INSTANTIATION_SEED: u64 = 0;

/// The guest asked for the command that it was to be stopped at.
#[derive(Debug, thiserror::Error)]
#[error("the guest was stopped at a command")]
pub(crate) struct Stopped;

/// What the current call has used of its limits, in bytes.
#[derive(Debug, Default)]
struct Usage {
    command_bytes: usize,
    log_bytes: usize,
    random_bytes: usize,
}

/// The host's data for one guest.
pub(crate) struct StoreData {
    pub(crate) state: HostState,
    pub(crate) memory: MemoryLimiter,
    pub(crate) call: CallKind,
    pub(crate) replaying: bool,
    pub(crate) panic: Option<(String, Option<Location>)>,
    pub(crate) lines: Lines,
    /// Whether the guest was given a component handle: a copy of the guest would not have it.
    pub(crate) gave_handles: bool,
    supported: Features,
    commands: Vec<Command>,
    /// Stops the guest when it asks for the command at this place among those that are not internal.
    pub(crate) stop_at: Option<usize>,
    usage: Usage,
    sink: Box<dyn Sink>,
}

impl StoreData {
    pub(crate) fn new(sink: Box<dyn Sink>, memory_bytes: usize, supported: Features) -> Self {
        Self {
            state: HostState {
                time: 0,
                random: Streams::new(INSTANTIATION_SEED),
                patches: Patches::default(),
                sequences: Sequences::default(),
            },
            memory: MemoryLimiter::new(memory_bytes),
            call: CallKind::Definitions,
            replaying: false,
            panic: None,
            lines: Lines::default(),
            gave_handles: false,
            supported,
            commands: Vec::new(),
            stop_at: None,
            usage: Usage::default(),
            sink,
        }
    }

    /// Starts a call.
    pub(crate) fn begin(&mut self, call: CallKind, replaying: bool) {
        self.call = call;
        self.replaying = replaying;
        self.panic = None;
        self.usage = Usage::default();
        self.commands.clear();
    }

    /// Ends a call: logs what the guest printed without a line end, and returns the recorded commands.
    pub(crate) fn end(&mut self) -> Vec<Command> {
        for entry in self.lines.finish() {
            self.deliver(entry);
        }
        std::mem::take(&mut self.commands)
    }

    /// Checks that a command of a feature may be recorded in this call.
    pub(crate) fn permit(&self, feature: Feature) -> wasmtime::Result<()> {
        let name = feature.name();
        let situation = match self.call {
            CallKind::Activate if self.supported.contains(feature) => return Ok(()),
            CallKind::Activate => {
                return Err(misuse(format!("unsupported: this host does not offer {name}")));
            }
            CallKind::Definitions => "while it was asked for its definitions",
            CallKind::Query => "in a query, which may only read",
            CallKind::ValidateUpdate => "in the validator of an update, which may only read",
        };
        Err(misuse(format!("it asked for {name} {situation}")))
    }

    /// Records a command.
    ///
    /// # Errors
    /// The command reaches a limit, or is the one to [stop at](Self::stop_at).
    pub(crate) fn record(&mut self, command: Command) -> wasmtime::Result<()> {
        self.usage.command_bytes = self.usage.command_bytes.saturating_add(command.weight());
        if self.usage.command_bytes > MAX_COMMAND_BYTES {
            return Err(LimitKind::CommandBytes.into());
        }
        if self.commands.len() >= MAX_COMMANDS {
            return Err(LimitKind::Commands.into());
        }
        if let Some(place) = self.stop_at
            && !command.is_internal()
            && place == self.commands.iter().filter(|command| !command.is_internal()).count()
        {
            return Err(Stopped.into());
        }
        self.commands.push(command);
        Ok(())
    }

    /// The next bytes of a random stream.
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

    /// Answers the first request for a patch id.
    pub(crate) fn decide_patch(&mut self, patch_id: &str) -> wasmtime::Result<bool> {
        if patch_id.len() > MAX_NAME_BYTES {
            return Err(LimitKind::NameBytes(patch_id.len()).into());
        }
        if self.state.patches.len() >= MAX_PATCHES {
            return Err(LimitKind::Patches.into());
        }
        Ok(self.state.patches.decide(patch_id, self.replaying))
    }

    /// Counts a log entry and passes it to the sink.
    pub(crate) fn log(&mut self, entry: Entry) -> wasmtime::Result<()> {
        self.count_log(entry.outside())?;
        self.deliver(entry);
        Ok(())
    }

    /// Counts a measurement and passes it to the sink.
    pub(crate) fn measure(&mut self, measurement: Measurement) -> wasmtime::Result<()> {
        self.count_log(measurement.outside())?;
        if !self.replaying {
            self.sink.measure(measurement);
        }
        Ok(())
    }

    /// Counts bytes that the guest wrote to a standard stream, and logs the lines that they complete.
    pub(crate) fn print(&mut self, stream: u32, bytes: &[u8]) -> wasmtime::Result<()> {
        self.count_log(bytes.len())?;
        for entry in self.lines.take(stream, bytes) {
            self.deliver(entry);
        }
        Ok(())
    }

    fn count_log(&mut self, bytes: usize) -> wasmtime::Result<()> {
        // The cost of an entry beside its text.
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
