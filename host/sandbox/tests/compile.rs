//! Compilation in a child process, and the cache. The target has its own `main`, because the child process
//! runs this executable.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use host_sandbox::{CompileLimits, Config, Engine, compile_child_main};
use libtest_mimic::{Arguments, Trial};
use support::{ScriptRun, guest, render};

/// A module that takes the compiler longer than any test.
const BOMB_VARIABLES: u32 = 20_000;
const BOMB_LOOPS: u32 = 20_000;

/// The argument of a process that compiles until it is killed.
const COMPILING_HOST: &str = "__compiling-host";

fn main() -> ExitCode {
    if let Some(code) = compile_child_main() {
        return code;
    }
    if std::env::args().nth(1).as_deref() == Some(COMPILING_HOST) {
        compile_for_long();
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let trials = vec![
        Trial::test("a_child_compiles_and_the_cache_keeps", || {
            a_child_compiles_and_the_cache_keeps();
            Ok(())
        }),
        Trial::test("what_the_compiler_refuses_is_said", || {
            what_the_compiler_refuses_is_said();
            Ok(())
        }),
        Trial::test("a_compiler_ends_with_its_host", || {
            a_compiler_ends_with_its_host();
            Ok(())
        }),
        Trial::test("a_compiler_that_takes_too_much_is_stopped", || {
            a_compiler_that_takes_too_much_is_stopped();
            Ok(())
        }),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn works(cache: &Path) {
    for fuel in [None, Some(1_000_000_000)] {
        let config = Config { fuel, instances: 4, cache: Some(cache.to_owned()), ..Config::default() };
        let module = Engine::new(config).unwrap().load(&guest("script")).unwrap();
        let commands = ScriptRun::new(&module).start("timer 5").unwrap();
        assert_eq!(render(&commands), "timer 1 5 ms");
    }
}

/// The files of a cache, with their times, but without its key.
fn entries(cache: &Path) -> Vec<(std::path::PathBuf, std::time::SystemTime)> {
    let mut entries: Vec<_> = fs::read_dir(cache)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "key")
        .map(|entry| (entry.path(), entry.metadata().unwrap().modified().unwrap()))
        .collect();
    entries.sort();
    entries
}

fn a_child_compiles_and_the_cache_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("compiled");
    works(&cache);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&cache), 0o700);
    assert_eq!(mode(&cache.join("key")), 0o600);
    let first = entries(&cache);
    assert_eq!(first.len(), 2, "one entry for each kind of engine");
    works(&cache);
    assert_eq!(entries(&cache), first, "entries are used as they are");

    // A changed entry is compiled again, not loaded.
    let (tampered, _) = &first[0];
    let mut bytes = fs::read(tampered).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(tampered, &bytes).unwrap();
    works(&cache);
    assert_ne!(fs::read(tampered).unwrap(), bytes);
}

fn what_the_compiler_refuses_is_said() {
    let mut bytes = guest("script");
    // An offset in the code section of the largest core module.
    let middle = bytes.len() / 8;
    bytes[middle..middle + 64].fill(0xff);
    let error = Engine::new(support::config()).unwrap().load(&bytes).unwrap_err();
    assert!(error.to_string().starts_with("the module does not compile: "), "{error}");
}

fn a_compiler_that_takes_too_much_is_stopped() {
    let bomb = test_harness::compiler_bomb(BOMB_VARIABLES, BOMB_LOOPS);
    let check = |limits: CompileLimits, expected: &str| {
        let engine = Engine::new(Config { compile: limits, instances: 1, ..Config::default() }).unwrap();
        let error = engine.load(&bomb).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    let limits = CompileLimits::default();
    check(
        CompileLimits { cpu: Duration::from_secs(1), ..limits },
        "the module does not compile: the compiler took more than 1s of processor time",
    );
    check(
        CompileLimits { elapsed: Duration::from_millis(300), ..limits },
        "the module does not compile: the compiler took more than 300ms",
    );
    check(
        CompileLimits { memory_bytes: 64 << 20, ..limits },
        "the module does not compile: the compiler needs more than the 67108864 bytes of memory that it \
         may have (signal: 6 (SIGABRT)",
    );
}

/// The host of [`a_compiler_ends_with_its_host`].
fn compile_for_long() {
    let bomb = test_harness::compiler_bomb(BOMB_VARIABLES, BOMB_LOOPS);
    let engine = Engine::new(Config { instances: 1, ..Config::default() }).unwrap();
    // Not on the first thread, as in a host.
    let loading = std::thread::spawn(move || engine.load(&bomb).map(drop));
    let _ = loading.join();
}

/// The processes whose parent is this one, without those that have ended.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process: &u32| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
            fields.next() != Some("Z") && fields.next() == Some(&parent.to_string())
        })
        .collect()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn a_compiler_ends_with_its_host() {
    for signal in ["KILL", "TERM", "INT"] {
        let executable = std::env::current_exe().unwrap();
        let mut host = std::process::Command::new(executable).arg(COMPILING_HOST).spawn().unwrap();
        wait_until("the host starts a compiler", || !children(host.id()).is_empty());
        let compiler = children(host.id())[0];
        let kill = |signal: &str, process: u32| {
            let arguments = [format!("-{signal}"), process.to_string()];
            std::process::Command::new("kill").args(arguments).status().unwrap()
        };
        assert!(kill(signal, host.id()).success());
        host.wait().unwrap();
        let status = || fs::read_to_string(format!("/proc/{compiler}/stat")).unwrap_or_default();
        wait_until("the compiler ends", || status().is_empty() || status().contains(") Z "));
    }
}
