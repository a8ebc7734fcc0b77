//! Values of search attributes, and how payloads hold them.

use host_wire::temporal::api::{common::v1::Payload, enums::v1::IndexedValueType as Kind};
use prost_types::Timestamp;
use serde_json::Value as Json;

use crate::{time::Time, visibility::kinds};

/// One value of a search attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
    Time(Time),
    /// The keywords of a list.
    Keywords(Vec<String>),
}

/// The payload is not a value of the type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WrongType;

/// The value in a payload; none where the payload removes the attribute.
///
/// Like Temporal's server, takes a list in place of a single value, and then its first.
///
/// # Errors
///
/// When it is of another type.
pub(crate) fn decode(payload: &Payload, kind: Kind) -> Result<Option<Value>, WrongType> {
    let encoding = payload.metadata.get("encoding").map_or(&b""[..], |encoding| encoding);
    match encoding {
        b"binary/null" => return Ok(None),
        b"json/plain" => {}
        _ => return Err(WrongType),
    }
    let json: Json = serde_json::from_slice(&payload.data).map_err(|_| WrongType)?;
    match json {
        Json::Null => Ok(None),
        Json::Array(items) if items.is_empty() => Ok(None),
        Json::Array(items) if kind == Kind::KeywordList => {
            let keywords = items.into_iter().map(|item| match item {
                Json::String(text) => Ok(text),
                _ => Err(WrongType),
            });
            Ok(Some(Value::Keywords(keywords.collect::<Result<_, _>>()?)))
        }
        Json::Array(items) => {
            let mut values = Vec::new();
            for item in &items {
                values.push(single(item, kind)?);
            }
            Ok(values.into_iter().next())
        }
        single_value => single(&single_value, kind).map(Some),
    }
}

/// The payload that holds a value, as Temporal's server writes it.
pub(crate) fn encode(value: impl Into<Json>, kind: Kind) -> Payload {
    let metadata = [("encoding", "json/plain"), ("type", kinds::name(kind))];
    Payload {
        metadata: metadata.map(|(name, value)| (name.to_owned(), value.into())).into(),
        data: value.into().to_string().into(),
        ..Payload::default()
    }
}

fn single(json: &Json, kind: Kind) -> Result<Value, WrongType> {
    match (kind, json) {
        (Kind::Keyword | Kind::Text, Json::String(text)) => Ok(Value::Text(text.clone())),
        (Kind::Int, Json::Number(number)) => number.as_i64().map(Value::Int).ok_or(WrongType),
        (Kind::Double, Json::Number(number)) => number.as_f64().map(Value::Double).ok_or(WrongType),
        (Kind::Bool, Json::Bool(is_set)) => Ok(Value::Bool(*is_set)),
        (Kind::Datetime, Json::String(text)) => {
            text.parse::<Timestamp>().map(|time| Value::Time(time.into())).map_err(|_| WrongType)
        }
        _ => Err(WrongType),
    }
}

/// The words of a text: what is alphanumeric, in lower case.
pub(crate) fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(encoding: &'static str, data: &'static str) -> Payload {
        Payload {
            metadata: [("encoding".to_owned(), encoding.into())].into(),
            data: data.into(),
            ..Payload::default()
        }
    }

    #[test]
    fn values_of_every_type() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (kind, data, expected) in [
            (Kind::Keyword, "\"a\"", Ok(Some(text("a")))),
            (Kind::Keyword, "[\"a\"]", Ok(Some(text("a")))),
            (Kind::Keyword, "5", Err(WrongType)),
            (Kind::Keyword, "null", Ok(None)),
            (Kind::Keyword, "[]", Ok(None)),
            (Kind::Text, "\"a b\"", Ok(Some(text("a b")))),
            (Kind::Int, "5", Ok(Some(Value::Int(5)))),
            (Kind::Int, "5.5", Err(WrongType)),
            (Kind::Int, "\"5\"", Err(WrongType)),
            (Kind::Double, "5", Ok(Some(Value::Double(5.0)))),
            (Kind::Double, "-5.25", Ok(Some(Value::Double(-5.25)))),
            (Kind::Bool, "true", Ok(Some(Value::Bool(true)))),
            (Kind::Bool, "1", Err(WrongType)),
            (Kind::Datetime, "\"1970-01-01T00:00:01Z\"", Ok(Some(Value::Time(Time(1_000_000_000))))),
            (Kind::Datetime, "\"1970-01-01T01:00:01.5+01:00\"", Ok(Some(Value::Time(Time(1_500_000_000))))),
            (Kind::Datetime, "\"tomorrow\"", Err(WrongType)),
            (
                Kind::KeywordList,
                "[\"a\",\"b\"]",
                Ok(Some(Value::Keywords(vec!["a".to_owned(), "b".to_owned()]))),
            ),
            (Kind::KeywordList, "\"a\"", Err(WrongType)),
            (Kind::KeywordList, "[1]", Err(WrongType)),
            (Kind::Keyword, "{", Err(WrongType)),
        ] {
            assert_eq!(decode(&payload("json/plain", data), kind), expected, "{kind:?} {data}");
        }
        assert_eq!(decode(&payload("binary/null", ""), Kind::Int), Ok(None));
        assert_eq!(decode(&payload("binary/plain", "5"), Kind::Int), Err(WrongType));
    }

    #[test]
    fn words_of_texts() {
        assert_eq!(words("Late, again: 2 Orders!"), ["late", "again", "2", "orders"]);
        assert!(words(" -- ").is_empty());
    }
}
