//! `cargo xtask dist`: what users get of the `host` binary.
//!
//! An archive with what a package of a distribution has, one with the line tables, an image for containers, a list of what is
//! linked, and checksums. The same sources make the same bytes, as far as the compiler does.

mod archive;
mod image;
mod libraries;
mod sbom;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use test_harness::{cargo, workspace_root};

/// Texts that accompany the binary.
const TEXTS: [&str; 5] = ["README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// Where examples for systemd and Kubernetes are.
const DEPLOY: &str = "docs/deploy";

/// Shells, and the names that their completions are looked for under.
const COMPLETIONS: [(&str, &str); 3] = [("bash", "host"), ("zsh", "_host"), ("fish", "host.fish")];

/// What to build, and how.
#[derive(Debug)]
pub(crate) struct Options {
    /// `release`, or `dev`, which tries everything but the optimizer.
    profile: String,
    /// A target of rustc; this machine's own where there is none.
    target: Option<String>,
}

impl Options {
    /// Takes `--profile NAME` and `--target TRIPLE`.
    pub(crate) fn parse(arguments: &[&str]) -> Option<Self> {
        let mut options = Self { profile: "release".to_owned(), target: None };
        for pair in arguments.chunks(2) {
            match pair {
                ["--profile", profile] => options.profile = (*profile).to_owned(),
                ["--target", target] => options.target = Some((*target).to_owned()),
                _ => return None,
            }
        }
        Some(options)
    }
}

/// Builds `host`, and puts all that is made of it into `target/dist`.
pub(crate) fn dist(options: &Options) -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "`dist` splits ELF files: it works on Linux only");
    let built = build(options)?;
    let own = own_target()?;
    let target = options.target.as_deref().unwrap_or(&own);
    let folder = crate::target_folder().join("dist");
    let name = format!("host-{}-{target}", env!("CARGO_PKG_VERSION"));
    let package = folder.join(&name);
    remove(&package)?;
    fs::create_dir_all(&package)?;

    let debug = folder.join(format!("{name}-debug"));
    remove(&debug)?;
    fs::create_dir_all(&debug)?;
    split(&built, target, &package, &debug)?;
    let host = package.join("host");
    let runner = Runner::of(target, &own);
    accompany(&host, &runner, &package)?;

    let bom = folder.join(format!("{name}.cdx.json"));
    fs::write(&bom, sbom::of_host(target)?)?;
    let image = folder.join(format!("{name}-oci.tar"));
    image::make(&host, target, &image)?;
    let mut made = vec![bom, image.clone()];
    for folder in [&package, &debug] {
        made.push(archive::compressed(folder)?);
    }
    if let Some(said) = image::check(&image, &runner)? {
        eprintln!("the image says {said}");
    }
    archive::write_sums(&folder, &format!("host-{}-", env!("CARGO_PKG_VERSION")))?;
    for path in made {
        eprintln!("{:>12} bytes  {}", path.metadata()?.len(), path.display());
    }
    Ok(())
}

/// How to run a program of the target.
#[derive(Debug)]
struct Runner {
    /// An emulator; none for programs of this machine.
    emulator: Option<String>,
    /// Where the emulator finds the target's libraries.
    libraries: PathBuf,
}

impl Runner {
    fn of(target: &str, own: &str) -> Self {
        let (architecture, own) = (first_part(target), first_part(own));
        let emulator = (architecture != own).then(|| format!("qemu-{architecture}-static"));
        Self { emulator, libraries: libraries::root(target) }
    }

    fn command(&self, program: &Path) -> Command {
        let Some(emulator) = &self.emulator else { return Command::new(program) };
        let mut command = Command::new(emulator);
        command.arg("-L").arg(&self.libraries).arg(program);
        command
    }
}

fn first_part(target: &str) -> &str {
    target.split('-').next().unwrap_or(target)
}

fn own_target() -> Result<String> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let line = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc does not name its target")?.to_owned())
}

/// The binary as cargo makes it.
fn build(options: &Options) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--profile", &options.profile, "--bin", "host", "--message-format=json"]);
    if options.profile == "release" {
        // With the features that it needs itself, and none that tests ask for.
        command.args(["--package", "host"]);
    }
    if let Some(target) = &options.target {
        command.args(["--target", target]);
        // Where nothing else is said: the compiler of Debian's package `gcc-…`.
        if target != &own_target()? && target.ends_with("-gnu") {
            let compiler = format!("{}-gcc", target.replace("-unknown-", "-"));
            let variable = target.to_uppercase().replace('-', "_");
            for name in [format!("CARGO_TARGET_{variable}_LINKER"), format!("CC_{}", variable.to_lowercase())]
            {
                if std::env::var_os(&name).is_none() {
                    command.env(name, &compiler);
                }
            }
        }
    }
    command.current_dir(workspace_root()).stderr(std::process::Stdio::inherit());
    let output = command.output().context("cannot start cargo")?;
    ensure!(output.status.success(), "the host does not build");
    executable(&output.stdout).context("cargo names no binary")
}

/// Manual pages and completions, as the binary itself writes them; texts; examples of deployments.
fn accompany(host: &Path, runner: &Runner, package: &Path) -> Result<()> {
    run(runner.command(host).arg("man").arg(package.join("man/man1")))?;
    let completions = package.join("completions");
    fs::create_dir_all(&completions)?;
    for (shell, name) in COMPLETIONS {
        let script = output(runner.command(host).args(["completion", shell]))?;
        fs::write(completions.join(name), script)?;
    }
    for text in TEXTS {
        fs::copy(workspace_root().join(text), package.join(text)).context(text)?;
    }
    let deploy = package.join("deploy");
    fs::create_dir_all(&deploy)?;
    for entry in fs::read_dir(workspace_root().join(DEPLOY)).context(DEPLOY)? {
        let entry = entry?;
        fs::copy(entry.path(), deploy.join(entry.file_name()))?;
    }
    Ok(())
}

/// Copies a binary without symbols and line tables, which go into `host.debug`: the standard library's backtraces find them
/// beside the binary by name, debuggers too.
fn split(binary: &Path, target: &str, package: &Path, debug: &Path) -> Result<()> {
    let objcopy = libraries::tool(target, "objcopy");
    let stripped = package.join("host");
    let tables = debug.join("host.debug");
    run(Command::new(&objcopy).arg("--only-keep-debug").arg(binary).arg(&tables))?;
    run(Command::new(&objcopy).arg("--strip-all").arg(binary).arg(&stripped))?;
    // A second step: the link holds a checksum of the tables, and is found by their bare name.
    let link = format!("--add-gnu-debuglink={}", tables.display());
    run(Command::new(&objcopy).arg(link).arg(&stripped))
}

/// Runs a program that must succeed.
fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// What a program that must succeed writes to its standard output.
fn output(command: &mut Command) -> Result<String> {
    command.stderr(std::process::Stdio::inherit());
    let shown = command.get_program().display().to_string();
    let output = command.output().with_context(|| format!("cannot start {shown}"))?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Removes what an earlier run made.
fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

/// The one executable in what cargo reports.
fn executable(report: &[u8]) -> Option<PathBuf> {
    report.split(|byte| *byte == b'\n').find_map(|line| {
        let message: serde_json::Value = serde_json::from_slice(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    })
}
