//! `host schedule …`.

mod backfill;
mod create;
mod delete;
mod describe;
mod list;
mod options;
mod policy;
mod times;
mod toggle;
mod trigger;
mod update;

use clap::{Args, Subcommand};

use crate::{output::Output, settings::connection::ConnectionArgs};

/// Creates schedules, which start workflows at times of the calendar, looks at them and changes them.
#[derive(Args, Debug)]
pub(crate) struct ScheduleArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    Create(create::Create),
    Describe(describe::Describe),
    Update(update::Update),
    Toggle(toggle::Toggle),
    Trigger(trigger::Trigger),
    Backfill(backfill::Backfill),
    Delete(delete::Delete),
    List(list::List),
}

impl ScheduleArgs {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let connection = &self.connection;
        match self.command {
            Command::Create(command) => command.run(connection, output).await,
            Command::Describe(command) => command.run(connection, output).await,
            Command::Update(command) => command.run(connection, output).await,
            Command::Toggle(command) => command.run(connection, output).await,
            Command::Trigger(command) => command.run(connection, output).await,
            Command::Backfill(command) => command.run(connection, output).await,
            Command::Delete(command) => command.run(connection, output).await,
            Command::List(command) => command.run(connection, output).await,
        }
    }
}

/// Names a schedule.
#[derive(Args, Clone, Debug)]
struct ScheduleId {
    /// Schedule id.
    #[arg(short, long, value_name = "ID")]
    schedule_id: String,
}
