//! Why a call into a guest did not give an answer: the guest's fault, a limit, or the host's fault.
//!
//! Each fails a workflow task, never an execution. After any of them but [`GuestFault::Failed`] the
//! instance is of no use any more.

use std::fmt;
use std::time::Duration;

use wasmtime::{Trap, WasmBacktrace};

use crate::backtrace;
use crate::limits::{
    MAX_CALL_BYTES, MAX_COMMAND_BYTES, MAX_COMMANDS, MAX_HANDLES, MAX_LOG_BYTES, MAX_NAME_BYTES, MAX_PATCHES,
    MAX_RANDOM_BYTES, MAX_RANDOM_BYTES_PER_CALL, MAX_RANDOM_STREAMS, MAX_TABLE_ELEMENTS,
};
use crate::wit::Failure;

/// What went wrong in a call into a guest. One line by `Display`; [`Fault::details`] has the rest.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The guest did something wrong.
    #[error(transparent)]
    Guest(#[from] GuestFault),
    /// The guest took more than it may.
    #[error(transparent)]
    Limit(#[from] Limit),
    /// The host could not do its part; the guest is not to blame.
    #[error(transparent)]
    Host(#[from] HostFault),
}

impl Fault {
    /// Where in the guest it happened: function names, files and lines, one frame a line. Empty where
    /// that is not known.
    #[must_use]
    pub fn details(&self) -> &str {
        match self {
            Self::Guest(GuestFault::Panicked { backtrace, .. } | GuestFault::Trapped { backtrace, .. })
            | Self::Limit(Limit { backtrace, .. }) => backtrace,
            Self::Guest(GuestFault::Failed(_)) | Self::Host(_) => "",
        }
    }
}

/// What a guest did wrong.
#[derive(Debug, thiserror::Error)]
pub enum GuestFault {
    /// It panicked, and said why.
    #[error("the workflow panicked: {message}{}", at(location.as_ref()))]
    Panicked {
        /// What it said.
        message: String,
        /// Where it said so.
        location: Option<Location>,
        /// Who called it.
        backtrace: String,
    },
    /// It was stopped in the middle of something that it may not, or cannot, do.
    #[error("the workflow trapped: {message}")]
    Trapped {
        /// What that was, and what to do instead.
        message: String,
        /// Where it was.
        backtrace: String,
    },
    /// The call returned an error.
    #[error("{}", outermost(.0))]
    Failed(Failure),
}

/// A place in a guest's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// As the compiler saw it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

fn at(location: Option<&Location>) -> String {
    location.map_or_else(String::new, |location| format!(", at {location}"))
}

fn outermost(failure: &Failure) -> &str {
    failure.first().map_or("the workflow failed without saying why", |link| &link.message)
}

/// A guest took more than it may.
#[derive(Debug, thiserror::Error)]
#[error("{limit}")]
pub struct Limit {
    /// Of what.
    pub limit: LimitKind,
    /// Where the guest was.
    pub backtrace: String,
}

/// What a guest can take too much of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitKind {
    /// Elapsed time.
    #[error(
        "the workflow ran for more than {} ms without waiting for anything: is there an endless loop, \
         or work that belongs into an activity?", .0.as_millis()
    )]
    Deadline(Duration),
    /// Instructions.
    #[error("the workflow used up its fuel of {0} without waiting for anything")]
    Fuel(u64),
    /// Linear memory.
    #[error("the workflow wanted {wanted_bytes} bytes of memory, and may have {limit_bytes}")]
    Memory {
        /// How much it would have had.
        wanted_bytes: usize,
        /// How much it may have.
        limit_bytes: usize,
    },
    /// Entries of tables.
    #[error("the workflow wanted {0} table entries, and may have {MAX_TABLE_ELEMENTS}")]
    TableElements(usize),
    /// Stack, be it the native one or the one that the guest keeps in its memory.
    #[error("the workflow ran out of stack: is there a recursion without end?")]
    Stack,
    /// Commands of one activation.
    #[error("the workflow issued more than {MAX_COMMANDS} commands without waiting for any")]
    Commands,
    /// Bytes in the commands of one activation.
    #[error("the workflow's commands of one workflow task have more than {MAX_COMMAND_BYTES} bytes")]
    CommandBytes,
    /// Bytes of log entries and measurements of one activation.
    #[error("the workflow logged more than {MAX_LOG_BYTES} bytes in one workflow task")]
    LogBytes,
    /// Random bytes, by call or by activation.
    #[error(
        "the workflow drew more than {MAX_RANDOM_BYTES_PER_CALL} random bytes at once, or more than \
         {MAX_RANDOM_BYTES} in one workflow task"
    )]
    RandomBytes,
    /// Named random streams of a run.
    #[error("the workflow uses more than {MAX_RANDOM_STREAMS} random streams")]
    RandomStreams,
    /// Patches of a run.
    #[error("the workflow has more than {MAX_PATCHES} patches")]
    Patches,
    /// Bytes in a name.
    #[error(
        "the workflow used a name of {0} bytes for a random stream or a patch, and {MAX_NAME_BYTES} are allowed"
    )]
    NameBytes(usize),
    /// Bytes that go over the boundary in one call.
    #[error("the workflow handed over more than {MAX_CALL_BYTES} bytes in one call")]
    CallBytes,
    /// Component handles.
    #[error("the workflow holds more than {MAX_HANDLES} handles")]
    Handles,
}

/// What a host can fail at.
#[derive(Debug, thiserror::Error)]
pub enum HostFault {
    /// As many guests are alive as the engine was configured for.
    #[error("no room for another guest: {0} are alive, evict some or raise the limit")]
    NoRoom(u32),
    /// An earlier call stopped the guest, or it was used as a disposable copy.
    #[error("the guest was used after a call that makes it unusable")]
    Spent,
    /// A guest that cannot be copied, or not to there.
    #[error("the state of the guest cannot be read or written: {0}")]
    State(&'static str),
    /// Something in wasmtime.
    #[error("the sandbox failed: {0}")]
    Wasmtime(String),
}

/// How an import stops a guest that does what it may not: wasmtime carries it to the end of the call,
/// where it becomes a [`Fault`]. For a guest that takes too much, that is a [`LimitKind`].
pub(crate) fn misuse(message: String) -> wasmtime::Error {
    wasmtime::Error::msg(message)
}

/// What wasmtime says, in the two cases where it has no type for it; tests hold the wording.
const HANDLES_MESSAGE: &str = "store handle limit exceeded";
const CALL_BYTES_MESSAGE: &str = "fuel allocated for hostcalls has been exhausted";

/// Bytes below zero that are taken for the guest's own stack running over.
const STACK_OVERRUN_BYTES: u64 = 64 << 20;

/// What is known beside the error when a call ends with one.
#[derive(Debug)]
pub(crate) struct Circumstances {
    pub(crate) panic: Option<(String, Option<Location>)>,
    pub(crate) deadline: Duration,
    pub(crate) fuel: u64,
    pub(crate) instances: u32,
}

/// Turns the error of a call into a fault.
pub(crate) fn classify(error: &wasmtime::Error, circumstances: Circumstances) -> Fault {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(backtrace::render).unwrap_or_default();
    if let Some(limit) = limit_of(error, &circumstances) {
        return Limit { limit, backtrace }.into();
    }
    if let Some((message, location)) = circumstances.panic {
        return GuestFault::Panicked { message, location, backtrace }.into();
    }
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return HostFault::NoRoom(circumstances.instances).into();
    }
    // The root cause is what the import or the trap says; the rest of the chain is the backtrace.
    let message = match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => {
            "it aborted (an `unreachable` instruction), without saying why".to_owned()
        }
        _ => error.root_cause().to_string(),
    };
    GuestFault::Trapped { message, backtrace }.into()
}

fn limit_of(error: &wasmtime::Error, circumstances: &Circumstances) -> Option<LimitKind> {
    if let Some(limit) = error.downcast_ref::<LimitKind>() {
        return Some(limit.clone());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Some(LimitKind::Deadline(circumstances.deadline)),
        Some(Trap::OutOfFuel) => Some(LimitKind::Fuel(circumstances.fuel)),
        Some(Trap::StackOverflow) => Some(LimitKind::Stack),
        Some(Trap::MemoryOutOfBounds) if below_zero(error) => Some(LimitKind::Stack),
        Some(_) => None,
        None => {
            let message = error.root_cause().to_string();
            if message.contains(HANDLES_MESSAGE) {
                Some(LimitKind::Handles)
            } else {
                message.contains(CALL_BYTES_MESSAGE).then_some(LimitKind::CallBytes)
            }
        }
    }
}

/// Whether a guest reached below its memory. Its stack starts low and grows downwards, so that is
/// where it arrives when it runs out. wasmtime tells the address in a context of the error only.
fn below_zero(error: &wasmtime::Error) -> bool {
    const ADDRESS: &str = "memory fault at wasm address 0x";
    error.chain().any(|link| {
        let text = link.to_string();
        let Some((_, rest)) = text.split_once(ADDRESS) else { return false };
        let digits = rest.split(' ').next().unwrap_or_default();
        u64::from_str_radix(digits, 16)
            .is_ok_and(|address| address > u64::from(u32::MAX) - STACK_OVERRUN_BYTES)
    })
}
