//! Command lines that run to their end.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Exit code and output of a command line.
#[derive(Debug)]
pub struct Output {
    /// Exit code; -1 for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs a command line to its end.
///
/// # Errors
/// It cannot be started.
pub fn run(command: &mut Command) -> Result<Output> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    Ok(Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs a command line that must succeed, and reads its standard output as JSON.
///
/// # Errors
/// It cannot be started, fails, or prints something else.
pub fn run_json(command: &mut Command) -> Result<serde_json::Value> {
    let output = run(command)?;
    ensure!(output.code == 0, "{command:?} ended with {}: {}{}", output.code, output.stdout, output.stderr);
    serde_json::from_str(&output.stdout).with_context(|| format!("{command:?} printed {}", output.stdout))
}
