//! Compiling, in a child process with limits: a module that makes the compiler run for hours or eat
//! all memory takes down the child, not the host.
//!
//! The child is the same executable: its `main` calls [`compile_child_main`] first, which does not
//! return in a child. A process whose `main` does not call it compiles in itself, without limits.
//! The module goes to the child's standard input, the code comes from its standard output.

use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, nice, setrlimit};

use crate::config::{CompileLimits, Config};
use crate::engine::settings;
use crate::limits::MAX_CODE_BYTES;

/// First argument of a child.
const CHILD_ARGUMENT: &str = "__compile-workflow-module";
/// How much the child steps back behind the threads of the host that work (`nice`).
const CHILD_NICENESS: i32 = 10;
/// How long to wait before looking again whether a child has ended.
const CHILD_POLL: Duration = Duration::from_millis(2);

/// Whether `main` of this process called [`compile_child_main`].
static CAN_RE_ENTER: AtomicBool = AtomicBool::new(false);

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileError {
    /// The module is invalid, or the compiler does not support it.
    #[error("{0}")]
    Invalid(String),
    /// It took too much processor time.
    #[error("the compiler took more than {0:?} of processor time")]
    Cpu(Duration),
    /// It took too long.
    #[error("the compiler took more than {0:?}")]
    Elapsed(Duration),
    /// It ended in the middle, as programs do that get no more memory.
    #[error("the compiler needs more than the {memory_bytes} bytes of memory that it may have ({status})")]
    Ended {
        /// How much there was.
        memory_bytes: u64,
        /// How it ended.
        status: ExitStatus,
    },
    /// There is too much code.
    #[error("it compiles to more than {MAX_CODE_BYTES} bytes of code")]
    Code,
    /// The child could not be run.
    #[error("the compiler process could not be run: {0}")]
    Child(#[from] std::io::Error),
}

/// What a compiler has to know of the engine that will run the code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flavour {
    pub(crate) fuel: bool,
}

impl Flavour {
    pub(crate) fn of(config: &Config) -> Self {
        Self { fuel: config.fuel.is_some() }
    }
}

/// What a child is told, as its arguments.
#[derive(Clone, Copy, Debug)]
struct Order {
    flavour: Flavour,
    limits: CompileLimits,
}

impl Order {
    fn to_arguments(self) -> [String; 3] {
        // Limits of processor time are whole seconds.
        let cpu_s = self.limits.cpu.as_secs().max(1);
        [self.flavour.fuel.to_string(), cpu_s.to_string(), self.limits.memory_bytes.to_string()]
    }

    /// Nothing if they are not those of [`Order::to_arguments`].
    fn from_arguments(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut next = || arguments.next()?.into_string().ok();
        let fuel = next()?.parse().ok()?;
        let cpu = Duration::from_secs(next()?.parse().ok()?);
        let memory_bytes = next()?.parse().ok()?;
        let limits = CompileLimits { cpu, memory_bytes, ..CompileLimits::default() };
        Some(Self { flavour: Flavour { fuel }, limits })
    }
}

/// Call this first in `main`, before any thread is started. It returns `None` at once, except in a
/// process that was started to compile a module: there it does that, and `main` returns what it gets.
#[must_use]
pub fn compile_child_main() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(CHILD_ARGUMENT)) {
        CAN_RE_ENTER.store(true, Ordering::Relaxed);
        return None;
    }
    let result = match Order::from_arguments(arguments) {
        Some(order) => child(order),
        None => Err(wasmtime::Error::msg("arguments of another version")),
    };
    Some(match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The parent reads it; there is nobody else to tell.
            let _ = write!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    })
}

/// The child: from standard input to standard output.
fn child(Order { flavour, limits }: Order) -> wasmtime::Result<()> {
    nice(CHILD_NICENESS)?;
    let cpu_s = limits.cpu.as_secs();
    // A second more until it is killed: the signal before that says which limit it was.
    limit(Resource::Cpu, cpu_s, cpu_s.saturating_add(1))?;
    // Not the address space: allocators reserve much more of that than they use.
    limit(Resource::Data, limits.memory_bytes, limits.memory_bytes)?;
    limit(Resource::Core, 0, 0)?;
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let engine = wasmtime::Engine::new(&settings(flavour))?;
    let code = engine.precompile_component(&bytes)?;
    std::io::stdout().write_all(&code)?;
    Ok(())
}

fn limit(resource: Resource, current: u64, maximum: u64) -> std::io::Result<()> {
    Ok(setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?)
}

/// Compiles a component for the engine, whose configuration it is.
pub(crate) fn compile(
    engine: &wasmtime::Engine,
    config: &Config,
    bytes: &[u8],
) -> Result<Vec<u8>, CompileError> {
    if CAN_RE_ENTER.load(Ordering::Relaxed) {
        return compile_in_child(Order { flavour: Flavour::of(config), limits: config.compile }, bytes);
    }
    engine.precompile_component(bytes).map_err(|error| CompileError::Invalid(format!("{error:#}")))
}

fn compile_in_child(order: Order, bytes: &[u8]) -> Result<Vec<u8>, CompileError> {
    let mut child = Command::new(executable()?)
        .arg(CHILD_ARGUMENT)
        .args(order.to_arguments())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut code = Vec::new();
    let mut message = Vec::new();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // All three pipes at once, else one that is full would make both sides wait for ever.
    let status = std::thread::scope(|scope| {
        scope.spawn(|| {
            // A child that does not read says why by how it ends.
            let _ = stdin.map(|mut stdin| stdin.write_all(bytes));
        });
        scope.spawn(|| stderr.map(|stderr| stderr.take(MAX_MESSAGE_BYTES).read_to_end(&mut message)));
        scope.spawn(|| stdout.map(|stdout| stdout.take(MAX_CODE_BYTES + 1).read_to_end(&mut code)));
        wait(&mut child, order.limits.elapsed)
    })?;
    if code.len() as u64 > MAX_CODE_BYTES {
        return Err(CompileError::Code);
    }
    let Some(status) = status else { return Err(CompileError::Elapsed(order.limits.elapsed)) };
    match (status.code(), status.signal().and_then(Signal::from_named_raw)) {
        (Some(0), _) => Ok(code),
        (Some(_), _) => Err(CompileError::Invalid(String::from_utf8_lossy(&message).into_owned())),
        (None, Some(Signal::XCPU)) => Err(CompileError::Cpu(order.limits.cpu)),
        (None, _) => Err(CompileError::Ended { memory_bytes: order.limits.memory_bytes, status }),
    }
}

/// Bytes of what a child says went wrong.
const MAX_MESSAGE_BYTES: u64 = 16 << 10;

/// Waits for the child to end; one that takes longer is killed, and `None` comes back.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(CHILD_POLL);
    }
}

/// This executable, also when its file has been replaced in the meantime.
fn executable() -> std::io::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}
