//! Why a call into a guest failed: a fault of the guest, a limit, or a fault of the host.
//!
//! Each fails a workflow task, never an execution. The service then schedules the task again. After a fault
//! the instance accepts no further call.

use std::fmt;
use std::time::Duration;

use wasmtime::Trap;

use crate::backtrace;
use crate::limits::{
    MAX_CALL_BYTES, MAX_COMMAND_BYTES, MAX_COMMANDS, MAX_HANDLES, MAX_LOG_BYTES, MAX_NAME_BYTES, MAX_PATCHES,
    MAX_RANDOM_BYTES, MAX_RANDOM_BYTES_PER_CALL, MAX_RANDOM_STREAMS, MAX_TABLE_ELEMENTS,
};
use crate::symbols::Symbols;
use crate::wit::Failure;

/// Why a call into a guest failed. `Display` gives one line; [`Fault::details`] gives the backtrace.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The guest failed, panicked or trapped.
    #[error(transparent)]
    Guest(#[from] GuestFault),
    /// The guest reached a limit.
    #[error(transparent)]
    Limit(#[from] Limit),
    /// The host failed; the guest is not the cause.
    #[error(transparent)]
    Host(#[from] HostFault),
}

impl Fault {
    /// The guest's backtrace: function names, files and lines. Empty if there is none.
    #[must_use]
    pub fn details(&self) -> &str {
        match self {
            Self::Guest(GuestFault::Panicked { backtrace, .. } | GuestFault::Trapped { backtrace, .. })
            | Self::Limit(Limit { backtrace, .. }) => backtrace,
            Self::Guest(GuestFault::Failed(_)) | Self::Host(_) => "",
        }
    }
}

/// A fault of the guest.
#[derive(Debug, thiserror::Error)]
pub enum GuestFault {
    /// It panicked, and reported that through the contract.
    #[error("the workflow panicked: {message}{}", at(location.as_ref()))]
    Panicked {
        /// The message of the panic.
        message: String,
        /// The location of the panic.
        location: Option<Location>,
        /// The functions that led to the panic.
        backtrace: String,
    },
    /// It trapped, or called an import in a way that the host refuses.
    #[error("the workflow trapped: {message}")]
    Trapped {
        /// The reason, and what to do instead.
        message: String,
        /// The functions that led to the trap.
        backtrace: String,
    },
    /// The export returned a failure.
    #[error("{}", outermost(.0))]
    Failed(Failure),
}

/// A location in a guest's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The path of the file, as it was passed to the compiler.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
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
    failure.first().map_or("the workflow failed without a message", |link| &link.message)
}

/// A guest reached a limit.
#[derive(Debug, thiserror::Error)]
#[error("{limit}")]
pub struct Limit {
    /// The limit.
    pub limit: LimitKind,
    /// The functions that led to it.
    pub backtrace: String,
}

/// The limits of a guest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitKind {
    /// Elapsed time of one call: [`Config::deadline`](crate::Config::deadline).
    #[error(
        "the workflow ran for more than {} ms without waiting for anything: look for an endless loop, or \
         move the work into an activity", .0.as_millis()
    )]
    Deadline(Duration),
    /// Fuel of one call: [`Config::fuel`](crate::Config::fuel).
    #[error("the workflow used up its fuel of {0} without waiting for anything")]
    Fuel(u64),
    /// Linear memory: [`Config::memory_bytes`](crate::Config::memory_bytes).
    #[error("the workflow wanted {wanted_bytes} bytes of memory, and may have {limit_bytes}")]
    Memory {
        /// The size that the guest asked for.
        wanted_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// Entries of all tables together.
    #[error("the workflow wanted {0} table entries, and may have {MAX_TABLE_ELEMENTS}")]
    TableElements(usize),
    /// The native stack, or the stack that the guest has in its linear memory.
    #[error("the workflow ran out of stack: look for a recursion without end")]
    Stack,
    /// Commands of one activation.
    #[error("the workflow issued more than {MAX_COMMANDS} commands without waiting for any")]
    Commands,
    /// Bytes of the commands of one activation.
    #[error("the workflow's commands of one workflow task take more than {MAX_COMMAND_BYTES} bytes")]
    CommandBytes,
    /// Bytes of log entries and measurements of one activation.
    #[error("the workflow logged more than {MAX_LOG_BYTES} bytes in one workflow task")]
    LogBytes,
    /// Random bytes of one call or one activation.
    #[error(
        "the workflow drew more than {MAX_RANDOM_BYTES_PER_CALL} random bytes at once, or more than \
         {MAX_RANDOM_BYTES} in one workflow task"
    )]
    RandomBytes,
    /// Named random streams of a run.
    #[error("the workflow uses more than {MAX_RANDOM_STREAMS} random streams")]
    RandomStreams,
    /// Patch ids of a run.
    #[error("the workflow has more than {MAX_PATCHES} patches")]
    Patches,
    /// Bytes in the name of a random stream or in a patch id.
    #[error(
        "the workflow used a name of {0} bytes for a random stream or a patch, and {MAX_NAME_BYTES} are \
         allowed"
    )]
    NameBytes(usize),
    /// Bytes that the guest passes in one call.
    #[error("the workflow handed over more than {MAX_CALL_BYTES} bytes in one call")]
    CallBytes,
    /// Component handles that are alive at one time.
    #[error("the workflow holds more than {MAX_HANDLES} handles")]
    Handles,
}

/// A fault of the host.
#[derive(Debug, thiserror::Error)]
pub enum HostFault {
    /// As many guests are alive as [`Config::instances`](crate::Config::instances) allows.
    #[error("no room for another guest: {0} are alive; evict some or raise the limit")]
    NoRoom(u32),
    /// A fault ended the guest earlier, or it is a copy for queries and was activated.
    #[error("the guest was used after a call that makes it unusable")]
    Spent,
    /// The state of the guest cannot be saved or restored; says why.
    #[error("the state of the guest cannot be read or written: {0}")]
    State(&'static str),
    /// wasmtime reported an error that is neither a trap nor a limit.
    #[error("the sandbox failed: {0}")]
    Wasmtime(String),
}

/// The error of an import that refuses a call: it traps the guest and becomes a [`GuestFault::Trapped`]. An
/// import that reaches a limit returns a [`LimitKind`] instead.
pub(crate) fn misuse(message: String) -> wasmtime::Error {
    wasmtime::Error::msg(message)
}

/// Messages of the two wasmtime errors that have no type. The attack tests fail if wasmtime changes them.
const HANDLES_MESSAGE: &str = "store handle limit exceeded";
const CALL_BYTES_MESSAGE: &str = "fuel allocated for hostcalls has been exhausted";

/// An access up to this many bytes below address 0 counts as an overflow of the guest's own stack.
const STACK_OVERRUN_BYTES: u64 = 64 << 20;

/// What [`classify`] needs to know beside the error.
#[derive(Debug)]
pub(crate) struct Circumstances {
    pub(crate) panic: Option<(String, Option<Location>)>,
    pub(crate) deadline: Duration,
    pub(crate) fuel: u64,
    pub(crate) instances: u32,
}

/// Turns the error of a call into a fault.
pub(crate) fn classify(error: &wasmtime::Error, circumstances: Circumstances, symbols: &Symbols) -> Fault {
    let backtrace = backtrace::render(error, symbols);
    if let Some(limit) = limit_of(error, &circumstances) {
        return Limit { limit, backtrace }.into();
    }
    if let Some((message, location)) = circumstances.panic {
        return GuestFault::Panicked { message, location, backtrace }.into();
    }
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return HostFault::NoRoom(circumstances.instances).into();
    }
    // The root cause is the message of the import or the trap; the rest of the chain is the backtrace.
    let message = match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => {
            "it aborted (an `unreachable` instruction) without a message".to_owned()
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

/// Whether a guest accessed an address below 0: its stack starts low and grows downwards, so an overflow ends
/// there. wasmtime gives the address in a context of the error only.
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
