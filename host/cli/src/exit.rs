//! How a command ends: exit codes, and the one place where errors are printed.

use std::{
    env,
    io::{self, Write as _},
    panic,
    process::ExitCode,
    thread,
};

use crate::output::escape::{Place, escape};

/// Exit code of commands that failed, and of those that report a failed workflow.
pub(crate) const FAILURE: u8 = 1;
/// Exit code of mistakes on the command line; clap's own.
pub(crate) const USAGE: u8 = 2;

/// A mistake on the command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// The command worked, and printed that a workflow failed or a module is bad: exit code 1, no further message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the command reports a failure")]
pub(crate) struct Reported;

/// Standard output cannot be written to.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the output")]
pub(crate) struct OutputFailed(#[from] io::Error);

/// The exit code for a result. Prints the error on stderr.
pub(crate) fn code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if error.is::<Reported>() {
        return ExitCode::from(FAILURE);
    }
    // The reader of a pipe ended before the writer (`host … | head`); that is no failure.
    if let Some(OutputFailed(source)) = error.downcast_ref()
        && source.kind() == io::ErrorKind::BrokenPipe
    {
        return ExitCode::SUCCESS;
    }
    let code = if error.is::<Usage>() { USAGE } else { FAILURE };
    // Indented, so that a name with a line end in it does not look like another line.
    let text = escape(&chain(&error), Place::Lines).replace('\n', "\n  ");
    // A closed stderr leaves no place for the error.
    let _ = writeln!(io::stderr(), "error: {text}");
    ExitCode::from(code)
}

/// Prints what clap has to say: help, or what is wrong with the arguments. These may be texts of others.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let mut arguments = env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    if arguments.all(|argument| escape(&argument, Place::Line) == argument) {
        error.exit();
    }
    // Without colours, which are escape sequences; indented as other errors are.
    let text = error.render().to_string();
    let text = escape(&text, Place::Lines).trim_end().replace('\n', "\n  ");
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}

/// Has the messages of panics escaped where they need it: an activity may panic with a text of others.
pub(crate) fn escape_panics() {
    let otherwise = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = info.to_string();
        if escape(&text, Place::Lines) == text {
            return otherwise(info);
        }
        let thread = thread::current();
        let text = escape(&text, Place::Lines).replace('\n', "\n  ");
        // A closed stderr leaves no place for the message.
        let _ = writeln!(io::stderr(), "thread {:?} {text}", thread.name().unwrap_or_default());
    }));
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
