//! Logs, on stderr: level and format.

use std::io::{self, IsTerminal as _, stderr};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::output::escape::{Place, escape};

/// Which lines are logged, and in which format.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct LoggingArgs {
    /// Log level (error, warn, info, debug, trace, never), or directives such as
    /// `info,host_worker=debug`. Default: the variable RUST_LOG, or info.
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Log format; logs go to stderr.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Directives without `--log-level` and RUST_LOG. Wasmtime and HTTP/2 log much at level info.
const DEFAULT_DIRECTIVES: &str = "info,wasmtime=warn,h2=warn,hyper=warn";

impl LoggingArgs {
    /// Starts logging.
    ///
    /// # Errors
    ///
    /// [`Usage`] when the directives cannot be parsed.
    pub(crate) fn init(&self) -> anyhow::Result<()> {
        let directives = match self.log_level.as_deref() {
            Some("never") => "off".to_owned(),
            Some(directives) => directives.to_owned(),
            None => std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| DEFAULT_DIRECTIVES.to_owned()),
        };
        let filter = EnvFilter::try_new(&directives)
            .map_err(|error| crate::exit::Usage(format!("--log-level {directives}: {error}")))?;
        // A program that has its own subscriber keeps it.
        let _ =
            tracing::subscriber::set_global_default(self.subscriber(filter, stderr().is_terminal(), stderr));
        Ok(())
    }

    fn subscriber<W: io::Write + 'static>(
        &self,
        filter: EnvFilter,
        colours: bool,
        writer: impl Fn() -> W + Send + Sync + 'static,
    ) -> Box<dyn tracing::Subscriber + Send + Sync> {
        let place = match self.log_format {
            LogFormat::Text => Place::Line,
            LogFormat::Json => Place::Json,
        };
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(move || LogLines { writer: writer(), place })
            .with_ansi(colours);
        match self.log_format {
            LogFormat::Text => Box::new(builder.with_target(false).finish()),
            LogFormat::Json => Box::new(builder.json().finish()),
        }
    }
}

/// The start of a colour, as the formatter writes it, and its end. A logged text has no such sequence: the formatter
/// escapes it there.
const COLOURS: &[&str] = &[
    "\u{1b}[0m",
    "\u{1b}[1m",
    "\u{1b}[2m",
    "\u{1b}[3m",
    "\u{1b}[31m",
    "\u{1b}[32m",
    "\u{1b}[33m",
    "\u{1b}[34m",
    "\u{1b}[35m",
];

/// Escapes the events of a log, each of which the formatter writes at once, as a line.
struct LogLines<W> {
    writer: W,
    place: Place,
}

impl<W: io::Write> io::Write for LogLines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut rest = text.strip_suffix('\n').unwrap_or(&text);
        let mut line = String::with_capacity(text.len());
        while let Some(start) = rest.find('\u{1b}') {
            line.push_str(&escape(&rest[..start], self.place));
            let colour = COLOURS.iter().find(|colour| rest[start..].starts_with(**colour)).copied();
            let shown = colour.unwrap_or("\\u{1b}");
            line.push_str(shown);
            rest = &rest[start + colour.map_or(1, str::len)..];
        }
        line.push_str(&escape(rest, self.place));
        line.push('\n');
        self.writer.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use test_harness::Written;

    use super::*;

    /// What a workflow logs, and a name and an error of its choice, in every format, on a terminal and not.
    #[test]
    fn a_logged_text_is_one_line_and_does_no_more() {
        let hostile = "a\u{1b}]0;title\u{7}\u{1b}[2J\r\n2026-01-01 INFO forged\u{202e}\u{9b}31m\u{2028}b";
        for (log_format, colours) in
            [(LogFormat::Text, false), (LogFormat::Text, true), (LogFormat::Json, false)]
        {
            let lines = Written::default();
            let writer = lines.clone();
            let arguments = LoggingArgs { log_level: None, log_format };
            let subscriber = arguments.subscriber(EnvFilter::new("info"), colours, move || writer.clone());
            tracing::subscriber::with_default(subscriber, || {
                let span = tracing::info_span!("workflow_task", workflow_id = hostile);
                let _entered = span.enter();
                tracing::info!(target: "workflow", source = hostile, fields = %hostile, "{}", hostile);
                tracing::warn!(error = ?hostile, "plain");
            });
            let written = lines.text();
            let mut plain = written.clone();
            for colour in COLOURS.iter().filter(|_| colours) {
                plain = plain.replace(colour, "");
            }
            assert_eq!(plain.matches('\n').count(), 2, "{written:?}");
            assert!(plain.ends_with('\n'), "{written:?}");
            assert_eq!(escape(&plain.replace('\n', ""), Place::Line), plain.replace('\n', ""), "{written:?}");
            assert!(plain.contains("forged"), "{written:?}");
            if log_format == LogFormat::Json {
                for line in plain.lines() {
                    serde_json::from_str::<serde_json::Value>(line).unwrap();
                }
            }
        }
    }
}
