//! Logs, on stderr: level and format.

use std::io::{IsTerminal as _, stderr};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

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
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(stderr)
            .with_ansi(stderr().is_terminal());
        // A program that has its own subscriber keeps it.
        let _ = match self.log_format {
            LogFormat::Text => builder.with_target(false).try_init(),
            LogFormat::Json => builder.json().try_init(),
        };
        Ok(())
    }
}
