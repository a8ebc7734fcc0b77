//! Arguments of the form `KEY=VALUE`.

use anyhow::{Context as _, Result};
use guest_sdk_types::{NamedPayloads, Payload};

/// A `KEY=VALUE` whose value is text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// A `KEY=VALUE` whose value is JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JsonPair {
    key: String,
    value: Payload,
}

/// Reads `KEY=VALUE`. For clap.
pub(crate) fn parse(text: &str) -> Result<Pair> {
    let (key, value) = text.split_once('=').context("expected KEY=VALUE")?;
    anyhow::ensure!(!key.is_empty(), "the key before `=` is empty");
    Ok(Pair { key: key.to_owned(), value: value.to_owned() })
}

/// Reads `KEY=JSON`. For clap.
pub(crate) fn parse_json(text: &str) -> Result<JsonPair> {
    let Pair { key, value } = parse(text)?;
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&value) {
        anyhow::bail!("the value of {key} is not JSON: {error} (text needs quotes: {key}='\"{value}\"')");
    }
    Ok(JsonPair { key, value: Payload::from_json(value) })
}

/// The pairs by name; of two with one name the later counts.
pub(crate) fn by_name(pairs: &[JsonPair]) -> NamedPayloads {
    pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(&str, &str), &str>) {
        match (parse_json(text), expected) {
            (Ok(pair), Ok((key, value))) => {
                assert_eq!((pair.key.as_str(), pair.value), (key, Payload::from_json(value)), "{text}");
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{text}: {error}"),
            (got, _) => panic!("{text}: {got:?}"),
        }
    }

    #[test]
    fn json_values() {
        check("k=1", Ok(("k", "1")));
        check(r#"k={"a":"="}"#, Ok(("k", r#"{"a":"="}"#)));
        check("k", Err("expected KEY=VALUE"));
        check("=1", Err("empty"));
        check("k=text", Err("text needs quotes"));
        check("k=", Err("not JSON"));
    }
}
