//! Questions before something is changed that matters.

use std::io::{self, Write as _};

use anyhow::Context as _;

use super::{
    Output,
    escape::{Place, escape},
};
use crate::exit::Usage;

/// Asks on stderr, and reads the line that is answered.
///
/// # Errors
///
/// With JSON, where nothing is asked; when stdin cannot be read.
pub(crate) async fn ask(question: &str, output: Output) -> anyhow::Result<String> {
    if !output.is_text() {
        return Err(Usage("give --yes: with JSON nothing is asked".to_owned()).into());
    }
    let mut stderr = io::stderr();
    // A closed stderr leaves no place for the question; the answer still counts.
    let _ = stderr.write_all(escape(question, Place::Line).as_bytes()).and_then(|()| stderr.flush());
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = answer.await?.context("failed to read the answer")?;
    Ok(line.trim().to_owned())
}

/// Whether an answer is yes.
pub(crate) fn is_yes(answer: &str) -> bool {
    matches!(answer, "y" | "Y" | "yes")
}
