//! `reminder.wasm` is what the C sources and the contract of this tree give, imports the contract and nothing else, and is
//! small.
//!
//! Its custom section `sources` names the digest of what it was built from, so that this shows without a C compiler. Where
//! there is clang, the module is built anew; the same version of clang gives the same bytes. `just c-guest` writes it.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, ensure};
use host_sandbox::{Config, Engine, ImportClass};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sha2::{Digest as _, Sha256};
use wit_bindgen_core::{Files, wit_parser::Resolve};
use wit_component::ComponentEncoder;

const WORLD: &str = "workflow-module";
/// The custom section of the component that names its sources.
const SECTION: &[u8] = b"sources";
/// Most bytes of the module: line tables are more than half of it.
const MAX_BYTES: usize = 80 << 10;
/// Names of the compiler, the first one that is there counts: the lines of Debian's packages, then that of the system.
const COMPILERS: [&str; 2] = ["clang-14", "clang"];

/// No C library, line tables for backtraces, and a stack that traps where it ends.
const FLAGS: [&str; 12] = [
    "--target=wasm32-unknown-unknown",
    "-std=c17",
    "-Os",
    "-gline-tables-only",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-ffreestanding",
    "-fno-builtin",
    "-nostdlib",
    "-Wl,--no-entry",
    "-Wl,--stack-first",
];

fn main() -> ExitCode {
    if std::env::var_os("UPDATE_EXPECT").is_some()
        && let Some((compiler, _)) = compiler()
    {
        fs::write(module(), build(compiler).unwrap()).unwrap();
    }
    let test = |name: &str, test: fn() -> Result<Completion>| {
        Trial::ignorable_test(name, move || test().map_err(|error| Failed::from(format!("{error:#}"))))
    };
    let trials = vec![
        test("the_module_is_that_of_the_sources", of_the_sources),
        test("the_module_imports_the_contract_alone", imports_the_contract_alone),
        test("clang_gives_the_module", clang_gives_it),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn module() -> PathBuf {
    folder().join("reminder.wasm")
}

fn of_the_sources() -> Result<Completion> {
    let bytes = fs::read(module())?;
    let section = section(&digest()?);
    let same = bytes.ends_with(&section);
    ensure!(
        same,
        "reminder.wasm was built from other sources: `just c-guest` builds it anew, with clang and wasm-ld"
    );
    Ok(Completion::Completed)
}

fn imports_the_contract_alone() -> Result<Completion> {
    let bytes = fs::read(module())?;
    ensure!(bytes.len() <= MAX_BYTES, "it has {} bytes", bytes.len());
    let module = Engine::new(Config::default())?.load(&bytes)?;
    ensure!(!module.imports().is_empty(), "it imports nothing");
    for import in module.imports() {
        ensure!(import.class == ImportClass::Contract, "it imports {}", import.name);
    }
    let names: Vec<&str> = module.definitions().iter().map(|definition| definition.name.as_str()).collect();
    ensure!(names == ["Reminder"], "{names:?}");
    Ok(Completion::Completed)
}

fn clang_gives_it() -> Result<Completion> {
    let Some((compiler, version)) = compiler() else {
        return Ok(Completion::ignored_with("there is no clang, or no wasm-ld: packages clang and lld"));
    };
    let built = build(compiler)?;
    let kept = fs::read(module())?;
    // The name of the compiler is in the module, where clang puts it.
    let same_version = kept.windows(version.len()).any(|part| part == version.as_bytes());
    ensure!(built == kept || !same_version, "{version} gives another module: `just c-guest` writes it");
    Ok(Completion::Completed)
}

/// The compiler and its version, such as `14.0.6`, if it and its linker are there.
fn compiler() -> Option<(&'static str, String)> {
    COMPILERS.into_iter().find_map(|compiler| {
        let asked = |argument: &str| {
            let output = Command::new(compiler).arg(argument).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let linker = asked("--print-prog-name=wasm-ld")?;
        Command::new(linker.trim()).arg("--version").output().ok()?;
        let version = asked("-dumpversion")?.trim().to_owned();
        Some((compiler, version))
    })
}

/// The component of the sources.
fn build(compiler: &str) -> Result<Vec<u8>> {
    let scratch = tempfile::tempdir()?;
    let bindings = bindings(scratch.path())?;
    let core = scratch.path().join("core.wasm");
    let sources = folder().join("c");
    let mut command = Command::new(compiler);
    command.args(FLAGS).arg("-I").arg(scratch.path()).arg("-I").arg(sources.join("include"));
    for (path, name) in
        [(scratch.path(), "/bindings"), (&sources, "/workspace/sample-workflows/c-reminder/c")]
    {
        command.arg(format!("-ffile-prefix-map={}={name}", path.display()));
    }
    // Paths of the machine are in no name of an object: the driver makes those of temporary files.
    command.arg("-fdebug-compilation-dir=/workspace").args(bindings);
    command.args([sources.join("reminder.c"), sources.join("libc.c")]).arg("-o").arg(&core);
    let output = command.output().context("failed to start clang")?;
    ensure!(output.status.success(), "clang failed: {}", String::from_utf8_lossy(&output.stderr));
    let mut component = ComponentEncoder::default().module(&fs::read(core)?)?.encode()?;
    component.extend(section(&digest()?));
    Ok(component)
}

/// Writes the bindings of the contract. Returns what is linked of them.
fn bindings(to: &Path) -> Result<Vec<PathBuf>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(folder().join("../../wit"))?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default().build().generate(&mut resolve, world, &mut files)?;
    let mut linked = Vec::new();
    for (name, contents) in files.iter() {
        let path = to.join(name);
        fs::write(&path, contents)?;
        if !name.ends_with(".h") {
            linked.push(path);
        }
    }
    Ok(linked)
}

/// A custom section: its id, size, name and contents, both shorter than 128 bytes together.
fn section(contents: &[u8]) -> Vec<u8> {
    let size = |length: usize| u8::try_from(length).ok().filter(|length| *length < 0x80).unwrap();
    let mut section = vec![0, size(1 + SECTION.len() + contents.len()), size(SECTION.len())];
    section.extend([SECTION, contents].concat());
    section
}

/// The digest of what the module is built from: sources, contract, flags and the generator.
fn digest() -> Result<Vec<u8>> {
    let mut digest = Sha256::new();
    let mut add = |bytes: &[u8]| {
        digest.update(bytes.len().to_le_bytes());
        digest.update(bytes);
    };
    FLAGS.iter().for_each(|flag| add(flag.as_bytes()));
    for inputs in ["c", "c/include", "../../wit"] {
        let mut files = Vec::new();
        for entry in folder().join(inputs).read_dir()? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| ["c", "h", "wit"].iter().any(|known| extension == *known))
            {
                files.push(path);
            }
        }
        files.sort();
        for file in files {
            add(file.file_name().unwrap_or_default().as_encoded_bytes());
            add(&fs::read(file)?);
        }
    }
    Ok(digest.finalize().to_vec())
}
