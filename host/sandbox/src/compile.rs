//! Compiles modules in a child process with limits: a module that makes the compiler run for hours or use
//! all memory ends the child, not the host.
//!
//! The child runs the same executable, whose `main` calls [`compile_child_main`] first. In a process whose
//! `main` does not call it, modules are compiled in that process, without limits. The child reads the length of
//! the module and the module from standard input, and writes the code to standard output.
//!
//! A child ends with its host, however that ends. The host holds the other end of its standard input for as long
//! as it waits, and the system closes that end with the host: the child watches for that. On Linux the system also
//! kills the child once the thread that started it has ended, which waits for the child.

use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, nice, setrlimit};

use crate::config::{CompileLimits, Config};
use crate::limits::MAX_CODE_BYTES;
use crate::settings::{CompilerSettings, wasmtime_config};

/// The first argument of a child process.
const CHILD_ARGUMENT: &str = "__compile-workflow-module";
/// The niceness of a child, so that the threads of the host come first.
const CHILD_NICENESS: i32 = 10;
/// The interval in which the host checks whether a child has ended.
const CHILD_POLL: Duration = Duration::from_millis(2);

/// Whether `main` of this process called [`compile_child_main`].
static CAN_RE_ENTER: AtomicBool = AtomicBool::new(false);

/// Why a module was not compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileError {
    /// The module is invalid, or the compiler does not support it.
    #[error("{0}")]
    Invalid(String),
    /// The child reached its limit of processor time.
    #[error("the compiler took more than {0:?} of processor time")]
    Cpu(Duration),
    /// The child reached its limit of elapsed time and was killed.
    #[error("the compiler took more than {0:?}")]
    Elapsed(Duration),
    /// The child was ended from outside, as by Ctrl-C in the terminal of the host.
    #[error("the compiler was stopped ({0})")]
    Stopped(ExitStatus),
    /// The child got no more memory, and ended itself.
    #[error("the compiler needs more than the {memory_bytes} bytes of memory that it may have ({status})")]
    Memory {
        /// [`CompileLimits::memory_bytes`].
        memory_bytes: u64,
        /// The exit status of the child.
        status: ExitStatus,
    },
    /// The child ran out of stack, and ended itself.
    #[error("the compiler ran out of stack: the module is nested too deep ({status})")]
    Stack {
        /// The exit status of the child.
        status: ExitStatus,
    },
    /// The child ended by a signal and did not say why.
    #[error(
        "the compiler was ended by a signal ({status}): by the system, if memory is short, or by a fault of its own{said}"
    )]
    Ended {
        /// The exit status of the child.
        status: ExitStatus,
        /// The first line that the child wrote to standard error, after a colon; empty if it wrote nothing.
        said: String,
    },
    /// The code is larger than [`MAX_CODE_BYTES`].
    #[error("it compiles to more than {MAX_CODE_BYTES} bytes of code")]
    Code,
    /// The child did not start, or its pipes failed.
    #[error("the compiler process could not be run: {0}")]
    Child(#[from] std::io::Error),
}

/// The arguments of a child process.
#[derive(Clone, Copy, Debug)]
struct ChildArguments {
    compiler: CompilerSettings,
    limits: CompileLimits,
}

impl ChildArguments {
    fn encode(self) -> [String; 3] {
        // RLIMIT_CPU counts whole seconds.
        let cpu_s = self.limits.cpu.as_secs().max(1);
        [self.compiler.fuel.to_string(), cpu_s.to_string(), self.limits.memory_bytes.to_string()]
    }

    /// `None` if the arguments are not those of [`ChildArguments::encode`].
    fn decode(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut next = || arguments.next()?.into_string().ok();
        let fuel = next()?.parse().ok()?;
        let cpu = Duration::from_secs(next()?.parse().ok()?);
        let memory_bytes = next()?.parse().ok()?;
        let limits = CompileLimits { cpu, memory_bytes, ..CompileLimits::default() };
        Some(Self { compiler: CompilerSettings { fuel }, limits })
    }
}

/// Compiles a module if this process was started for that, and returns the exit code for `main` to return.
/// Otherwise returns `None` at once.
///
/// Call it first in `main`, before any thread is started.
#[must_use]
pub fn compile_child_main() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(CHILD_ARGUMENT)) {
        CAN_RE_ENTER.store(true, Ordering::Relaxed);
        return None;
    }
    let result = match ChildArguments::decode(arguments) {
        Some(arguments) => child(arguments),
        None => Err(wasmtime::Error::msg("the arguments are those of another version of the host")),
    };
    Some(match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The parent reads standard error; a failure to write to it cannot be reported.
            let _ = write!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    })
}

/// Compiles the component on standard input to standard output.
fn child(ChildArguments { compiler, limits }: ChildArguments) -> wasmtime::Result<()> {
    nice(CHILD_NICENESS)?;
    let cpu_s = limits.cpu.as_secs();
    // SIGXCPU at the soft limit says which limit it was; SIGKILL follows one second later.
    limit(Resource::Cpu, cpu_s, cpu_s.saturating_add(1))?;
    // RLIMIT_DATA instead of RLIMIT_AS: allocators reserve much more address space than they use.
    limit(Resource::Data, limits.memory_bytes, limits.memory_bytes)?;
    limit(Resource::Core, 0, 0)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let bytes = read_module()?;
    // A host that ended before the signal was set has closed standard input, too.
    std::thread::Builder::new().name("watch-host".to_owned()).spawn(end_with_the_host)?;
    let engine = wasmtime::Engine::new(&wasmtime_config(compiler))?;
    let code = engine.precompile_component(&bytes)?;
    std::io::stdout().write_all(&code)?;
    Ok(())
}

fn read_module() -> std::io::Result<Vec<u8>> {
    let mut stdin = std::io::stdin().lock();
    let mut length = [0; size_of::<u64>()];
    stdin.read_exact(&mut length)?;
    let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    stdin.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() == length { Ok(bytes) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}

/// Waits until the host has closed its end of standard input, and ends this process.
fn end_with_the_host() {
    // The host writes nothing more, so this returns at the end of input only, or with an error.
    let _ = std::io::stdin().lock().read(&mut [0]);
    std::process::exit(1);
}

fn limit(resource: Resource, current: u64, maximum: u64) -> std::io::Result<()> {
    Ok(setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?)
}

/// Compiles a component for `engine`, which was set up with `config`.
pub(crate) fn compile(
    engine: &wasmtime::Engine,
    config: &Config,
    bytes: &[u8],
) -> Result<Vec<u8>, CompileError> {
    if CAN_RE_ENTER.load(Ordering::Relaxed) {
        let arguments = ChildArguments { compiler: CompilerSettings::of(config), limits: config.compile };
        return compile_in_child(arguments, bytes);
    }
    engine.precompile_component(bytes).map_err(|error| CompileError::Invalid(format!("{error:#}")))
}

fn compile_in_child(arguments: ChildArguments, bytes: &[u8]) -> Result<Vec<u8>, CompileError> {
    let mut child = Command::new(executable()?)
        .arg(CHILD_ARGUMENT)
        .args(arguments.encode())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut code = Vec::new();
    let mut message = Vec::new();
    let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // A thread for each pipe, else a full pipe would block both processes.
    let status = std::thread::scope(|scope| {
        // It stays open until the child has ended: see the top of this file.
        let stdin = stdin.as_mut();
        scope.spawn(|| {
            // A child that does not read its input ends, and its exit status says why.
            let _ = stdin.map(|stdin| {
                stdin.write_all(&(bytes.len() as u64).to_le_bytes())?;
                stdin.write_all(bytes)
            });
        });
        scope.spawn(|| stderr.map(|stderr| stderr.take(MAX_MESSAGE_BYTES).read_to_end(&mut message)));
        scope.spawn(|| stdout.map(|stdout| stdout.take(MAX_CODE_BYTES + 1).read_to_end(&mut code)));
        wait(&mut child, arguments.limits.elapsed)
    })?;
    if code.len() as u64 > MAX_CODE_BYTES {
        return Err(CompileError::Code);
    }
    let Some(status) = status else { return Err(CompileError::Elapsed(arguments.limits.elapsed)) };
    match (status.code(), status.signal().and_then(Signal::from_named_raw)) {
        (Some(0), _) => Ok(code),
        (Some(_), _) => Err(CompileError::Invalid(String::from_utf8_lossy(&message).into_owned())),
        (None, Some(Signal::INT | Signal::TERM | Signal::HUP | Signal::QUIT)) => {
            Err(CompileError::Stopped(status))
        }
        (None, Some(Signal::XCPU)) => Err(CompileError::Cpu(arguments.limits.cpu)),
        (None, _) => Err(ended(status, &String::from_utf8_lossy(&message), arguments.limits)),
    }
}

/// Why a child ended by a signal. Rust's standard library writes what it lacked before it aborts.
fn ended(status: ExitStatus, message: &str, limits: CompileLimits) -> CompileError {
    if message.contains("has overflowed its stack") {
        return CompileError::Stack { status };
    }
    if message.contains("memory allocation of") {
        return CompileError::Memory { memory_bytes: limits.memory_bytes, status };
    }
    let first = message.lines().find(|line| !line.trim().is_empty());
    CompileError::Ended { status, said: first.map(|line| format!(": {line}")).unwrap_or_default() }
}

/// Bytes of a child's error message that are kept.
const MAX_MESSAGE_BYTES: u64 = 16 << 10;

/// Waits for the child to end. Kills it after `limit`, and then returns `None`.
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

/// The running executable. On Linux it is found even if its file was replaced.
fn executable() -> std::io::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_child_is_named_for_its_cause() {
        let check = |signal: Signal, wrote: &str, expected: &str| {
            let status = ExitStatus::from_raw(signal.as_raw());
            let error = ended(status, wrote, CompileLimits::default()).to_string();
            assert_eq!(error, expected);
        };
        check(
            Signal::ABORT,
            "\nthread 'main' (1) has overflowed its stack\nfatal runtime error: stack overflow, aborting\n",
            "the compiler ran out of stack: the module is nested too deep (signal: 6 (SIGABRT))",
        );
        check(
            Signal::ABORT,
            "memory allocation of 64 bytes failed\n",
            "the compiler needs more than the 4294967296 bytes of memory that it may have (signal: 6 (SIGABRT))",
        );
        check(
            Signal::KILL,
            "",
            "the compiler was ended by a signal (signal: 9 (SIGKILL)): by the system, if memory is short, or by a \
             fault of its own",
        );
        check(
            Signal::SEGV,
            "something else\n",
            "the compiler was ended by a signal (signal: 11 (SIGSEGV)): by the system, if memory is short, or by a \
             fault of its own: something else",
        );
    }
}
