//! How a command ends: exit codes, and the one place where errors are printed.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

/// A command could not do what it was asked for, or a workflow failed.
pub(crate) const FAILURE: u8 = 1;
/// The command line asks for something that cannot be.
pub(crate) const USAGE: u8 = 2;

/// A mistake on the command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Nothing went wrong with the command, but what it reports is not good, and was said already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the command reports a failure")]
pub(crate) struct Reported;

/// Standard output cannot be written to.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the output")]
pub(crate) struct OutputFailed(#[from] io::Error);

/// The exit code for a result; says what went wrong on stderr.
pub(crate) fn code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if error.is::<Reported>() {
        return ExitCode::from(FAILURE);
    }
    // Whoever read the output has seen enough (`host … | head`).
    if let Some(OutputFailed(source)) = error.downcast_ref()
        && source.kind() == io::ErrorKind::BrokenPipe
    {
        return ExitCode::SUCCESS;
    }
    let code = if error.is::<Usage>() { USAGE } else { FAILURE };
    // There is nobody left to tell when stderr is closed.
    let _ = writeln!(io::stderr(), "error: {}", chain(&error));
    ExitCode::from(code)
}

/// An error and its causes on one line. Some libraries repeat their source: what is contained in what
/// was said already is left out.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let error =
            anyhow::anyhow!("connection refused").context("tcp: connection refused").context("no host");
        assert_eq!(chain(&error), "no host: tcp: connection refused");
    }
}
