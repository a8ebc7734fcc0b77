//! `host completion`.

use clap::{Args, ValueEnum};

use crate::output::Output;

/// Prints a script that completes commands and flags in a shell.
///
/// It is of this version: write it again after an upgrade, or have the shell ask for it each time it starts.
#[derive(Args, Debug)]
#[command(after_help = "To install it for yourself:
  host completion bash > ~/.local/share/bash-completion/completions/host
  host completion fish > ~/.config/fish/completions/host.fish
  host completion zsh > ~/.zfunc/_host

bash needs the package bash-completion, or `source <(host completion bash)` in ~/.bashrc. zsh needs the folder on its
path, in ~/.zshrc: `fpath+=~/.zfunc; autoload -U compinit; compinit`. Folders that are not there have to be made first.
A shell reads the script when it starts.")]
pub(crate) struct Completion {
    /// Shell that is to complete.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Shells that scripts are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completion {
    /// `command_line` has every command of this program.
    pub(super) fn run(&self, mut command_line: clap::Command, output: Output) -> anyhow::Result<()> {
        let name = command_line.get_bin_name().unwrap_or_else(|| command_line.get_name()).to_owned();
        let mut script = Vec::new();
        let shell = clap_complete::Shell::from(self.shell);
        clap_complete::generate(shell, &mut command_line, name, &mut script);
        Ok(output.lines(String::from_utf8_lossy(&script).trim_end())?)
    }
}

impl From<Shell> for clap_complete::Shell {
    fn from(shell: Shell) -> Self {
        match shell {
            Shell::Bash => Self::Bash,
            Shell::Zsh => Self::Zsh,
            Shell::Fish => Self::Fish,
        }
    }
}
