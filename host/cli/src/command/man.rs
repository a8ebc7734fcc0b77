//! `host man`.

use std::{fs, io, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use clap_mangen::{
    Man as Page,
    roff::{Roff, roman},
};

use crate::output::Output;

/// What the last part of most commands' help begins with.
const EXAMPLES: &str = "Examples:\n";

/// Prints the manual page of this program, or writes those of all its commands to a folder.
///
/// The pages are named after the commands: `host-workflow-start.1` is that of `host workflow start`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host man | man -l -
  host man ~/.local/share/man/man1 && man host-workflow-start
  sudo host man /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// Folder of the pages, made if it is not there. Pages of another version in it are replaced.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Man {
    /// `command_line` has every command of this program.
    pub(super) fn run(&self, command_line: clap::Command, output: Output) -> anyhow::Result<()> {
        let mut command_line = without_help_commands(command_line);
        command_line.build();
        // Each page would name its command alone.
        let version = command_line.get_version().unwrap_or_default();
        let source = format!("{} {version}", command_line.get_name());
        let Some(folder) = &self.folder else {
            let (_, page) = page(command_line, &source)?;
            return Ok(output.lines(String::from_utf8_lossy(&page).trim_end())?);
        };
        fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
        let mut written = 0_usize;
        let mut commands = vec![command_line];
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().cloned());
            let (name, page) = page(command, &source)?;
            let path = folder.join(name);
            fs::write(&path, page).with_context(|| format!("failed to write {}", path.display()))?;
            written += 1;
        }
        output.note(format!("{written} pages are in {}", folder.display()));
        Ok(())
    }
}

/// Without `help`, which has no page: `man` is that.
fn without_help_commands(command: clap::Command) -> clap::Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help_commands)
}

/// File name and text of a command's page. Examples keep their lines, which the page of `clap_mangen` would fill.
fn page(command: clap::Command, source: &str) -> io::Result<(String, Vec<u8>)> {
    let more = command.get_after_long_help().or_else(|| command.get_after_help()).map(ToString::to_string);
    let page = Page::new(command.after_help(None::<&str>).after_long_help(None::<&str>)).source(source);
    let mut text = Vec::new();
    page.render(&mut text)?;
    if let Some(more) = more {
        let (heading, more) = match more.strip_prefix(EXAMPLES) {
            Some(examples) => ("EXAMPLES", examples),
            None => ("NOTES", more.as_str()),
        };
        let mut roff = Roff::new();
        roff.control("SH", [heading]).control("nf", []);
        for line in more.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []).to_writer(&mut text)?;
    }
    Ok((page.get_filename(), text))
}
