//! Compiling, in a child process with limits: a module that makes the compiler run for hours or eat
//! all memory takes down the child, not the host.
//!
//! The child is the same executable: its `main` calls [`compile_child_main`] first, which does not
//! return in a child. A process whose `main` does not call it compiles in itself, without limits.
//! The module goes to the child's standard input, the code comes from its standard output.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::Config;
use crate::engine::settings;
use crate::limits::{MAX_CODE_BYTES, MAX_COMPILE_CPU, MAX_COMPILE_MEMORY_BYTES, MAX_COMPILE_TIME};

/// First argument of a child.
const CHILD_ARGUMENT: &str = "__compile-workflow-module";
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
    /// The child took too long, or too much.
    #[error("the compiler took more than {MAX_COMPILE_TIME:?}, or more memory than it may")]
    Limit,
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

/// Call this first in `main`, before any thread is started. It returns `None` at once, except in a
/// process that was started to compile a module: there it does that, and `main` returns what it gets.
#[must_use]
pub fn compile_child_main() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(CHILD_ARGUMENT)) {
        CAN_RE_ENTER.store(true, Ordering::Relaxed);
        return None;
    }
    let flavour = Flavour { fuel: arguments.next().as_deref() == Some(OsStr::new("true")) };
    Some(match child(flavour) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The parent reads it; there is nobody else to tell.
            let _ = write!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    })
}

/// The child: from standard input to standard output.
fn child(flavour: Flavour) -> wasmtime::Result<()> {
    limit(Resource::Cpu, MAX_COMPILE_CPU.as_secs())?;
    // Not the address space: allocators reserve much more of that than they use.
    limit(Resource::Data, MAX_COMPILE_MEMORY_BYTES)?;
    limit(Resource::Core, 0)?;
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let engine = wasmtime::Engine::new(&settings(flavour))?;
    let code = engine.precompile_component(&bytes)?;
    std::io::stdout().write_all(&code)?;
    Ok(())
}

fn limit(resource: Resource, value: u64) -> std::io::Result<()> {
    Ok(setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?)
}

/// Compiles a component for the engine, whose flavour it is.
pub(crate) fn compile(
    engine: &wasmtime::Engine,
    flavour: Flavour,
    bytes: &[u8],
) -> Result<Vec<u8>, CompileError> {
    if CAN_RE_ENTER.load(Ordering::Relaxed) {
        return compile_in_child(flavour, bytes);
    }
    engine.precompile_component(bytes).map_err(|error| CompileError::Invalid(format!("{error:#}")))
}

fn compile_in_child(flavour: Flavour, bytes: &[u8]) -> Result<Vec<u8>, CompileError> {
    let mut child = Command::new(executable()?)
        .arg(CHILD_ARGUMENT)
        .arg(flavour.fuel.to_string())
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
        scope.spawn(|| stdout.map(|stdout| stdout.take(MAX_CODE_BYTES).read_to_end(&mut code)));
        wait(&mut child)
    })?;
    match status {
        Some(status) if status.success() => Ok(code),
        Some(status) if status.code().is_some() => {
            Err(CompileError::Invalid(String::from_utf8_lossy(&message).into_owned()))
        }
        // Ended by a signal: ours, or that of a limit.
        Some(_) | None => Err(CompileError::Limit),
    }
}

/// Bytes of what a child says went wrong.
const MAX_MESSAGE_BYTES: u64 = 16 << 10;

/// Waits for the child to end; one that takes too long is killed, and `None` comes back.
fn wait(child: &mut Child) -> std::io::Result<Option<std::process::ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > MAX_COMPILE_TIME {
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
