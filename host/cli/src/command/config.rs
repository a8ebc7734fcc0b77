//! `host config …`.

mod delete;
mod delete_profile;
mod file;
mod get;
mod list;
mod property;
mod set;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use temporalio_common::envconfig::DEFAULT_PROFILE;

use self::file::ConfigFile;
use crate::{exit::Usage, output::Output};

/// Shows and changes the profiles of Temporal's configuration file: which service commands and hosts talk to.
///
/// The file and the commands are those of the `temporal` CLI, and the SDKs of Temporal read it, too. Comments in it, and
/// keys of programs of a later time, stay.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host config set --prop address --value temporal.example:7233
  host config set --profile cloud --prop api_key --value-file key.txt
  host config get --profile cloud
  host workflow list --profile cloud")]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

/// Which profile of which file.
#[derive(Args, Clone, Debug)]
struct Place {
    /// Profile of the configuration file [default: TEMPORAL_PROFILE, or default].
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// Configuration file [default: TEMPORAL_CONFIG_FILE, or the user's temporalio/temporal.toml].
    #[arg(long, global = true, value_name = "PATH")]
    config_file: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum Command {
    Delete(delete::Delete),
    DeleteProfile(delete_profile::DeleteProfile),
    Get(get::Get),
    List(list::List),
    Set(set::Set),
}

impl ConfigArgs {
    pub(super) fn run(self, output: Output) -> anyhow::Result<()> {
        match self.command {
            Command::Delete(command) => command.run(&self.place, output),
            Command::DeleteProfile(command) => command.run(&self.place, output),
            Command::Get(command) => command.run(&self.place, output),
            Command::List(command) => command.run(&self.place, output),
            Command::Set(command) => command.run(&self.place, output),
        }
    }
}

impl Place {
    /// The name of the profile that is meant.
    fn profile(&self) -> String {
        let variable = || std::env::var("TEMPORAL_PROFILE").ok().filter(|name| !name.is_empty());
        self.profile.clone().or_else(variable).unwrap_or_else(|| DEFAULT_PROFILE.to_owned())
    }

    fn read(&self) -> anyhow::Result<ConfigFile> {
        let variable = || std::env::var_os("TEMPORAL_CONFIG_FILE").filter(|path| !path.is_empty());
        let path = self.config_file.clone().or_else(|| variable().map(PathBuf::from));
        // As the reader of the connection's settings has it.
        let path = path.or_else(|| Some(dirs::config_dir()?.join("temporalio").join("temporal.toml")));
        let path = path.ok_or_else(|| {
            Usage("--config-file is needed: there is no home folder to keep a configuration in".to_owned())
        })?;
        ConfigFile::read(path)
    }
}
