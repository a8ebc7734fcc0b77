//! The commands, one file each: arguments and what they do.

pub(crate) mod activity;
pub(crate) mod batch;
pub(crate) mod codec_server;
pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod doctor;
#[cfg(test)]
mod documented;
pub(crate) mod man;
pub(crate) mod modules;
pub(crate) mod new;
pub(crate) mod operator;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod server;
pub(crate) mod task_queue;
pub(crate) mod worker;
pub(crate) mod workflow;

use std::path::Path;

use clap::{CommandFactory as _, Parser, Subcommand};
use host_activities::Registry;
use host_nexus::NexusServices;

use crate::{
    exit::Usage,
    output::{Format, Output, OutputArgs},
    settings::logging::LoggingArgs,
};

/// Runs durable workflows that are WebAssembly components, and talks to them.
#[derive(Parser, Debug)]
#[command(
    name = "host",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "Every command has examples in its own --help.\n\
                  Addresses, namespaces, API keys and TLS come from flags, from TEMPORAL_* variables, or \
                  from a profile, as with the `temporal` CLI."
)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    pub(crate) logging: LoggingArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    Run(run::Run),
    Server(server::ServerCommand),
    Workflow(workflow::WorkflowArgs),
    Activity(activity::ActivityArgs),
    Schedule(schedule::ScheduleArgs),
    Batch(batch::BatchArgs),
    TaskQueue(task_queue::TaskQueueArgs),
    Worker(worker::WorkerArgs),
    Replay(replay::Replay),
    Modules(modules::ModulesArgs),
    Operator(operator::OperatorArgs),
    CodecServer(codec_server::CodecServer),
    New(new::New),
    Config(config::ConfigArgs),
    Doctor(doctor::Doctor),
    Completion(completion::Completion),
    Man(man::Man),
}

const JUNIT_ELSEWHERE: &str =
    "--output junit is for `host replay` and `host modules check`, `swap` and `rollback` only";

impl Command {
    fn prints_junit(&self) -> bool {
        match self {
            Self::Replay(_) => true,
            Self::Modules(arguments) => arguments.prints_junit(),
            _ => false,
        }
    }
}

impl CommandLine {
    /// Runs the command. `registry` has the activities of the program, `nexus` its Nexus services.
    pub(crate) async fn run(self, registry: Registry, nexus: NexusServices) -> anyhow::Result<()> {
        let output = Output::from(self.output);
        if output.format() == Format::Junit && !self.command.prints_junit() {
            return Err(Usage(JUNIT_ELSEWHERE.to_owned()).into());
        }
        match self.command {
            Command::Run(command) => command.run(registry, nexus).await,
            Command::Server(command) => command.run(output).await,
            Command::Workflow(arguments) => arguments.run(output).await,
            Command::Activity(arguments) => arguments.run(output).await,
            Command::Schedule(arguments) => arguments.run(output).await,
            Command::Batch(arguments) => arguments.run(output).await,
            Command::TaskQueue(arguments) => arguments.run(output).await,
            Command::Worker(arguments) => arguments.run(output).await,
            Command::Replay(command) => command.run(output).await,
            Command::Modules(arguments) => arguments.run(output).await,
            Command::Operator(arguments) => arguments.run(output).await,
            Command::CodecServer(command) => command.run().await,
            Command::New(command) => command.run(output),
            Command::Config(arguments) => arguments.run(output),
            Command::Doctor(command) => command.run(output).await,
            Command::Completion(command) => command.run(own_command(), output),
            Command::Man(command) => command.run(own_command(), output),
        }
    }
}

/// The command line under the name of the program that runs: one with activities of its own has another name than `host`.
fn own_command() -> clap::Command {
    let command = CommandLine::command();
    let program = std::env::args_os().next();
    let name = program
        .as_deref()
        .and_then(|program| Path::new(program).file_stem())
        .map(|name| name.to_string_lossy());
    let name = name.unwrap_or_else(|| command.get_name().into()).into_owned();
    command.bin_name(name.as_str()).display_name(name.as_str())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn arguments_fit_together() {
        super::CommandLine::command().debug_assert();
    }
}
