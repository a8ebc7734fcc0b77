//! `host task-queue …`.

mod config;
mod describe;

pub(super) use describe::describe;

use clap::{Args, Subcommand, ValueEnum};
use host_wire::temporal::api::enums::v1::TaskQueueType;

use crate::{output::Output, settings::connection::ConnectionArgs};

/// Shows task queues and changes their configuration.
#[derive(Args, Debug)]
pub(crate) struct TaskQueueArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    Describe(describe::Describe),
    Config(config::ConfigArgs),
}

impl TaskQueueArgs {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        match self.command {
            Command::Describe(command) => command.run(&self.connection, output).await,
            Command::Config(arguments) => arguments.run(&self.connection, output).await,
        }
    }
}

/// Which tasks of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Workflow,
    Activity,
    Nexus,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::Activity => "activity",
            Self::Nexus => "nexus",
        }
    }
}

impl From<Kind> for TaskQueueType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Workflow => Self::Workflow,
            Kind::Activity => Self::Activity,
            Kind::Nexus => Self::Nexus,
        }
    }
}
