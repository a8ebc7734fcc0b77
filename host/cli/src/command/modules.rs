//! `host modules …`.

mod adopt;
mod canary;
mod check;
mod host;
mod inspect;
mod list;
mod log;
mod move_runs;
mod prune;
mod push;
mod report;
mod shadow;
mod swap;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use host_sandbox::{Config, Engine, LoadError, Module};
use host_worker::modules::files;

use crate::output::Output;

/// Looks at workflow modules, and swaps those of a running host.
#[derive(Args, Debug)]
pub(crate) struct ModulesArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Inspect(inspect::Inspect),
    Check(Box<check::Check>),
    List(list::List),
    Swap(Box<swap::Swap>),
    Rollback(Box<swap::Rollback>),
    Adopt(adopt::Adopt),
    Move(Box<move_runs::Move>),
    Canary(canary::CanaryArgs),
    Shadow(shadow::ShadowArgs),
    Promote(Box<swap::Promote>),
    Prune(prune::Prune),
    Push(push::Push),
    Pull(push::Pull),
    Log(log::Log),
}

impl ModulesArgs {
    /// Whether the command can print JUnit's XML.
    pub(crate) fn prints_junit(&self) -> bool {
        match &self.command {
            Command::Shadow(command) => command.prints_junit(),
            Command::Check(_)
            | Command::Swap(_)
            | Command::Rollback(_)
            | Command::Move(_)
            | Command::Promote(_) => true,
            Command::Inspect(_)
            | Command::List(_)
            | Command::Adopt(_)
            | Command::Canary(_)
            | Command::Prune(_)
            | Command::Push(_)
            | Command::Pull(_)
            | Command::Log(_) => false,
        }
    }

    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        match self.command {
            Command::Inspect(command) => command.run(output),
            Command::Check(command) => command.run(output).await,
            Command::List(command) => command.run(output).await,
            Command::Swap(command) => command.run(output).await,
            Command::Rollback(command) => command.run(output).await,
            Command::Adopt(command) => command.run(output).await,
            Command::Move(command) => command.run(output).await,
            Command::Canary(command) => command.run(output).await,
            Command::Shadow(command) => command.run(output).await,
            Command::Promote(command) => command.run(output).await,
            Command::Prune(command) => command.run(output).await,
            Command::Push(command) => command.run(output).await,
            Command::Pull(command) => command.run(output).await,
            Command::Log(command) => command.run(output),
        }
    }
}

/// An engine that loads modules and runs no workflows, so that it reserves no memory for guests.
fn engine() -> anyhow::Result<Engine> {
    Engine::new(Config { instances: 1, ..Config::default() }).context("failed to start the sandbox")
}

/// A module file, and the module or the error in it.
struct Examined {
    path: PathBuf,
    size_bytes: usize,
    module: Result<Module, LoadError>,
}

/// Reads and loads every module file of the paths.
fn examine(paths: &[PathBuf]) -> anyhow::Result<Vec<Examined>> {
    let engine = engine()?;
    files::list(paths)?.into_iter().map(|path| examine_file(&engine, path)).collect()
}

fn examine_file(engine: &Engine, path: PathBuf) -> anyhow::Result<Examined> {
    let bytes = files::read(&path).context("failed to read the module")?;
    Ok(Examined { size_bytes: bytes.len(), module: engine.load(&bytes), path })
}

/// A workflow type as people call it.
fn type_name(name: &str) -> &str {
    if name.is_empty() { "(dynamic: every other type)" } else { name }
}
