//! `--input` and its siblings: the arguments of workflows, signals, queries and updates.

use std::path::PathBuf;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::Args;
use guest_sdk_types::{Encoding, Payload, RawValue};

use super::pairs::{self, Pair};
use crate::exit::Usage;

/// Encoding of inputs without `--input-meta encoding=…`.
const DEFAULT_ENCODING: &str = "json/plain";

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The arguments of a call.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct InputArgs {
    /// One argument, as JSON. Give it again for each further argument.
    #[arg(short, long, value_name = "JSON", conflicts_with = "input_file", allow_hyphen_values = true)]
    input: Vec<String>,
    /// A file with one argument, as JSON. Give it again for each further argument.
    #[arg(long, value_name = "PATH")]
    input_file: Vec<PathBuf>,
    /// Metadata of the inputs. `encoding=…` replaces json/plain; a key that is repeated is applied to
    /// the inputs in order.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pairs::parse)]
    input_meta: Vec<Pair>,
    /// The inputs are base64.
    #[arg(long)]
    input_base64: bool,
}

/// Arguments that are JSON, given by `flag` again and again.
///
/// # Errors
///
/// A [`Usage`] error that names the argument and the place in it.
pub(crate) fn json_arguments(flag: &str, inputs: &[String]) -> anyhow::Result<RawValue> {
    let plain = InputArgs::default();
    let payload = |(index, input): (usize, &String)| {
        plain.payload(index, &|| format!("{flag} number {}", index + 1), input.as_bytes())
    };
    let payloads = inputs.iter().enumerate().map(payload).collect::<Result<_, _>>()?;
    Ok(RawValue(payloads))
}

impl InputArgs {
    /// The arguments as payloads.
    ///
    /// # Errors
    ///
    /// A [`Usage`] error that names the argument and the place in it.
    pub(crate) fn payloads(&self) -> anyhow::Result<RawValue> {
        let mut payloads = Vec::new();
        for (index, input) in self.input.iter().enumerate() {
            let name = || format!("--input number {}", index + 1);
            payloads.push(self.payload(index, &name, input.as_bytes())?);
        }
        for (index, path) in self.input_file.iter().enumerate() {
            let name = || format!("--input-file {}", path.display());
            let contents =
                std::fs::read(path).map_err(|error| Usage(format!("{} cannot be read: {error}", name())))?;
            payloads.push(self.payload(index, &name, &contents)?);
        }
        if let Some(key) = self.key_given_too_often(payloads.len()) {
            return Err(
                Usage(format!("--input-meta {key}=… is given more often than there are inputs")).into()
            );
        }
        Ok(RawValue(payloads))
    }

    fn payload(&self, index: usize, name: &dyn Fn() -> String, input: &[u8]) -> Result<Payload, Usage> {
        let data = if self.input_base64 {
            BASE64_STANDARD
                .decode(input.trim_ascii())
                .map_err(|error| Usage(format!("{} is not base64: {error}", name())))?
        } else {
            input.to_vec()
        };
        let mut payload = Payload { data, ..Payload::default() };
        let mut encoding = DEFAULT_ENCODING;
        for key in self.keys() {
            let values: Vec<&str> = self.values(key).collect();
            let Some(value) = values.get(index).or(values.first()) else { continue };
            match key {
                "encoding" => encoding = value,
                _ => payload.metadata.push((key.to_owned(), value.as_bytes().to_vec())),
            }
        }
        // Editors of Windows put it there; JSON has none (RFC 8259, section 8.1).
        if encoding.starts_with("json/") && payload.data.starts_with(BYTE_ORDER_MARK) {
            payload.data.drain(..BYTE_ORDER_MARK.len());
        }
        if encoding.starts_with("json/")
            && let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&payload.data)
        {
            return Err(Usage(format!("{} is not JSON: {error}{}", name(), hint(&payload.data))));
        }
        payload.encoding = Encoding::from_name(encoding);
        Ok(payload)
    }

    /// The different keys of `--input-meta`, in order.
    fn keys(&self) -> impl Iterator<Item = &str> {
        self.input_meta.iter().enumerate().filter_map(|(index, pair)| {
            let is_first = !self.input_meta.iter().take(index).any(|earlier| earlier.key == pair.key);
            is_first.then_some(pair.key.as_str())
        })
    }

    fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.input_meta.iter().filter(move |pair| pair.key == key).map(|pair| pair.value.as_str())
    }

    fn key_given_too_often(&self, inputs: usize) -> Option<&str> {
        self.keys().find(|key| self.values(key).count() > inputs.max(1))
    }
}

/// Text without quotes is what people try first.
fn hint(data: &[u8]) -> String {
    match std::str::from_utf8(data) {
        Ok(text) if text.starts_with(|c: char| c.is_alphabetic()) && !text.contains(['"', '\n']) => {
            format!("\ntext needs quotes of its own: '\"{text}\"'")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        input: InputArgs,
    }

    fn check(arguments: &[&str], expected: Result<&[(&str, &str)], &str>) {
        let line = Line::try_parse_from([&["test"], arguments].concat());
        let payloads = line.map_err(anyhow::Error::from).and_then(|line| line.input.payloads());
        match (payloads, expected) {
            (Ok(RawValue(payloads)), Ok(expected)) => {
                let got: Vec<_> = payloads
                    .iter()
                    .map(|payload| {
                        (payload.encoding.name().unwrap(), std::str::from_utf8(&payload.data).unwrap())
                    })
                    .collect();
                assert_eq!(got, expected, "{arguments:?}");
            }
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{arguments:?}: {error}");
            }
            (got, _) => panic!("{arguments:?}: {got:?}"),
        }
    }

    #[test]
    fn inputs() {
        check(&[], Ok(&[]));
        check(&["-i", "1", "--input", "\"a\""], Ok(&[("json/plain", "1"), ("json/plain", "\"a\"")]));
        check(&["-i", "-1"], Ok(&[("json/plain", "-1")]));
        check(&["-i", "eyJhIjoxfQ==", "--input-base64"], Ok(&[("json/plain", "{\"a\":1}")]));
        let plain = ["-i", "a", "-i", "b", "--input-meta", "encoding=binary/plain"];
        check(&plain, Ok(&[("binary/plain", "a"), ("binary/plain", "b")]));
        let mixed = ["-i", "1", "-i", "b", "--input-meta", "encoding=json/plain"];
        check(
            &[&mixed[..], &["--input-meta", "encoding=binary/plain"]].concat(),
            Ok(&[("json/plain", "1"), ("binary/plain", "b")]),
        );
        check(&["-i", "1", "-i", "{\"a\":"], Err("--input number 2 is not JSON: EOF"));
        check(&["-i", "{\"a\" 1}"], Err("line 1 column 6"));
        check(&["-i", "\u{feff}1"], Ok(&[("json/plain", "1")]));
        check(&["-i", "Ada"], Err("'\"Ada\"'"));
        check(&["-i", "1", "--input-base64"], Err("not base64"));
        check(&["-i", "1", "--input-file", "x"], Err("cannot be used with"));
        check(&["--input-file", "/nonexistent/x"], Err("--input-file /nonexistent/x cannot be read"));
        let too_many = ["-i", "1", "--input-meta", "a=1", "--input-meta", "a=2"];
        check(&too_many, Err("more often than there are inputs"));
    }
}
