//! What commands print: text for people, or JSON as the `temporal` CLI prints it.
//!
//! Results go to stdout through [`Output`], so that a closed pipe is an error like any other. Progress
//! goes to stderr, and is not printed with JSON.

pub(crate) mod card;
pub(crate) mod junit;
pub(crate) mod progress;
pub(crate) mod question;

use std::io::{self, Write as _};

use clap::{Args, ValueEnum};
use escape::{Place, escape};
pub(crate) use host_text::{escape, event, failure, json, one_line, payloads_json, span};
use host_wire::protojson::{self, WriteOptions};
use prost::{Message, Name};

use crate::exit::OutputFailed;

/// How results are printed.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Output format.
    #[arg(short = 'o', long = "output", global = true, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// How results are printed.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// JSON, indented.
    Json,
    /// JSON, one value a line.
    Jsonl,
    /// JUnit's XML, for test reports; `modules check` and `replay` only.
    Junit,
}

/// Prints results.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
}

impl From<OutputArgs> for Output {
    fn from(arguments: OutputArgs) -> Self {
        Self { format: arguments.format }
    }
}

impl Output {
    /// The format.
    pub(crate) fn format(self) -> Format {
        self.format
    }

    /// Whether the format is text for people.
    pub(crate) fn is_text(self) -> bool {
        self.format == Format::Text
    }

    /// Prints one line: a line end in a name does not make another.
    pub(crate) fn line(self, text: impl AsRef<str>) -> Result<(), OutputFailed> {
        self.print(text.as_ref(), Place::Line)
    }

    /// Prints several lines. What is within one of them was escaped for a line.
    pub(crate) fn lines(self, text: impl AsRef<str>) -> Result<(), OutputFailed> {
        self.print(text.as_ref(), Place::Lines)
    }

    fn print(self, text: &str, place: Place) -> Result<(), OutputFailed> {
        let mut stdout = io::stdout().lock();
        let place = if self.is_text() { place } else { Place::Json };
        stdout.write_all(escape(text, place).as_bytes())?;
        stdout.write_all(b"\n")?;
        Ok(stdout.flush()?)
    }

    /// Prints a line of progress on stderr; nothing with JSON.
    pub(crate) fn note(self, text: impl AsRef<str>) {
        self.notes(escape(text.as_ref(), Place::Line));
    }

    /// The same with several lines. What is within one of them was escaped for a line.
    pub(crate) fn notes(self, text: impl AsRef<str>) {
        if self.is_text() {
            // A closed stderr loses the note, not the result.
            let _ = writeln!(io::stderr(), "{}", escape(text.as_ref(), Place::Lines));
        }
    }

    /// Prints a message of the protocol as JSON.
    pub(crate) fn message<M: Message + Name>(self, message: &M, payloads: Payloads) -> anyhow::Result<()> {
        let text = protojson::message_to_json(message, self.write_options(payloads))?;
        Ok(self.lines(text)?)
    }

    /// Prints the answer to a change as JSON, or with text that it was made.
    pub(crate) fn changed<M: Message + Name>(
        self,
        answer: &M,
        payloads: Payloads,
        note: &str,
    ) -> anyhow::Result<()> {
        if !self.is_text() {
            return self.message(answer, payloads);
        }
        self.note(note);
        Ok(())
    }

    /// Prints an object.
    pub(crate) fn object(self, object: json::Object) -> anyhow::Result<()> {
        let text = object.finish();
        Ok(self.lines(if self.format == Format::Jsonl { text } else { json::indent(&text) })?)
    }

    /// Prints messages as a list, as `temporal` does: unlike a list of [`json`], its items are not
    /// indented.
    pub(crate) fn list<M: Message + Name>(self, messages: &[M], payloads: Payloads) -> anyhow::Result<()> {
        let options = self.write_options(payloads);
        let items: Vec<String> = messages
            .iter()
            .map(|message| protojson::message_to_json(message, options))
            .collect::<Result<_, _>>()?;
        if self.format == Format::Jsonl {
            for item in items {
                self.line(item)?;
            }
            return Ok(());
        }
        let start = if items.is_empty() { "[" } else { "[\n" };
        Ok(self.lines(format!("{start}{}\n]", items.join(",\n")))?)
    }

    fn write_options(self, payloads: Payloads) -> WriteOptions {
        WriteOptions {
            one_line: self.format == Format::Jsonl,
            shorthand_payloads: payloads == Payloads::AsJson,
        }
    }
}

/// How payloads are written in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payloads {
    /// As the JSON that is in them.
    AsJson,
    /// As metadata and base64, which tools can read back.
    Raw,
}

/// A message of the protocol as JSON, in lines.
pub(crate) fn message_text<M: Message + Name>(message: &M, payloads: Payloads) -> anyhow::Result<String> {
    let options = WriteOptions { one_line: false, shorthand_payloads: payloads == Payloads::AsJson };
    Ok(protojson::message_to_json(message, options)?)
}
