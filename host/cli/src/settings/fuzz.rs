//! Foreign text: configuration files and command lines are settings, or an error.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use super::connection::ConnectionArgs;
use crate::{command::CommandLine, exit::chain};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[test]
fn configuration_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("temporal.toml");
    let variables = HashMap::from([("TEMPORAL_CONFIG_FILE".to_owned(), file.display().to_string())]);
    let line = Line::parse_from(["test"]);
    fuzz::check!("configuration_file", |bytes| {
        std::fs::write(&file, bytes).unwrap();
        if let Err(error) = line.connection.options(Some(&variables)) {
            assert!(!chain(&error).is_empty());
        }
    });
}

/// One argument a line.
#[test]
fn command_line() {
    // To build it takes longer than to parse a line.
    let command = Mutex::new(CommandLine::command());
    fuzz::check!("command_line", |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let arguments = ["host"].into_iter().chain(text.lines());
        let mut command = command.lock().unwrap_or_else(PoisonError::into_inner);
        let matches = command.try_get_matches_from_mut(arguments);
        let _ = matches.and_then(|mut matches| CommandLine::from_arg_matches_mut(&mut matches));
    });
}
