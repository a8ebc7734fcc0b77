//! How far a long command is, on stderr: a bar in a terminal, a line now and then elsewhere.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use super::Output;

/// The time between two pictures of the bar.
const BAR_INTERVAL: Duration = Duration::from_millis(100);
/// The time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Characters of the bar.
const BAR_WIDTH: u64 = 30;

/// The progress of one command. Nothing is printed with JSON.
#[derive(Debug)]
pub(crate) struct Progress {
    output: Output,
    what: &'static str,
    is_terminal: bool,
    /// How many there are, about.
    about: Option<u64>,
    printed: Instant,
    /// Whether a bar is on the screen.
    is_shown: bool,
}

impl Progress {
    /// `what` is counted, in the plural.
    pub(crate) fn new(output: Output, what: &'static str) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self { output, what, is_terminal, about: None, printed: Instant::now(), is_shown: false }
    }

    /// There are about so many, if that is known.
    pub(crate) fn begin(&mut self, about: Option<u64>) {
        self.about = about;
    }

    /// So many are done; `state` says how they ended.
    pub(crate) fn step(&mut self, done: u64, state: &dyn Display) {
        let interval = if self.is_terminal { BAR_INTERVAL } else { LINE_INTERVAL };
        if !self.output.is_text() || self.printed.elapsed() < interval {
            return;
        }
        self.printed = Instant::now();
        let line = line(self.what, done, self.about, state);
        if self.is_terminal {
            self.is_shown = true;
            // A terminal that is gone loses the bar, not the result.
            let _ = write!(io::stderr(), "\r\x1b[K{} {line}", bar(done, self.about));
            let _ = io::stderr().flush();
        } else {
            self.output.note(line);
        }
    }

    /// Takes the bar away until the next step, so that something else can be printed.
    pub(crate) fn hide(&mut self) {
        if self.is_shown {
            self.is_shown = false;
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(mut self) {
        self.hide();
    }
}

fn line(what: &str, done: u64, about: Option<u64>, state: &dyn Display) -> String {
    match about {
        Some(about) => format!("{done} of about {} {what}: {state}", about.max(done)),
        None => format!("{done} {what}: {state}"),
    }
}

/// The bar; empty when it is not known how many there are.
fn bar(done: u64, about: Option<u64>) -> String {
    let Some(about) = about.map(|about| about.max(done)).filter(|about| *about > 0) else {
        return String::new();
    };
    let filled = usize::try_from(done.saturating_mul(BAR_WIDTH) / about).unwrap_or_default();
    let width = usize::try_from(BAR_WIDTH).unwrap_or_default();
    format!("[{:<width$}]", "=".repeat(filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_lines() {
        assert_eq!(bar(15, Some(30)), format!("[{}{}]", "=".repeat(15), " ".repeat(15)));
        assert_eq!(bar(40, Some(30)), format!("[{}]", "=".repeat(30)));
        assert_eq!((bar(1, None), bar(0, Some(0))), (String::new(), String::new()));
        assert_eq!(line("runs", 40, Some(30), &"fine"), "40 of about 40 runs: fine");
        assert_eq!(line("runs", 4, None, &"fine"), "4 runs: fine");
    }
}
