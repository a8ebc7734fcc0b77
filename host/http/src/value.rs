//! Values of fields as texts, as paths and queries have them: numbers and names as in JSON, but without its quotes;
//! durations also as Go writes them, which is what Temporal's server reads.

use std::str::FromStr;

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use prost_reflect::{DynamicMessage, EnumDescriptor, Kind, MessageDescriptor, Value};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL_BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);
/// Units of durations as Go has them, in nanoseconds; longer names first.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("\u{b5}s", 1e3),
    ("\u{3bc}s", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3_600e9),
];
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A value of this kind.
///
/// # Errors
///
/// What is wrong with the text.
pub(crate) fn parse(kind: &Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Bool => match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(invalid(text)),
        },
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => number(text).map(Value::I32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => number(text).map(Value::I64),
        Kind::Uint32 | Kind::Fixed32 => number(text).map(Value::U32),
        Kind::Uint64 | Kind::Fixed64 => number(text).map(Value::U64),
        Kind::Float => number(text).map(Value::F32),
        Kind::Double => number(text).map(Value::F64),
        Kind::String => Ok(Value::String(text.to_owned())),
        Kind::Bytes => {
            let engine = if text.contains(['-', '_']) { &URL_BASE64 } else { &BASE64 };
            let bytes = engine.decode(text).map_err(|_| format!("{text:?} is not base64"))?;
            Ok(Value::Bytes(bytes.into()))
        }
        Kind::Enum(enumeration) => enum_number(enumeration, text).map(Value::EnumNumber),
        Kind::Message(message) => parse_message(message, text).map(Value::Message),
    }
}

fn invalid(text: &str) -> String {
    format!("{text:?} is not a valid value")
}

fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| invalid(text))
}

fn enum_number(enumeration: &EnumDescriptor, text: &str) -> Result<i32, String> {
    let by_name = || enumeration.get_value_by_name(text);
    let by_number = || text.parse().ok().and_then(|number| enumeration.get_value(number));
    by_name().or_else(by_number).map(|value| value.number()).ok_or_else(|| invalid(text))
}

/// A message that is written as one text.
fn parse_message(descriptor: &MessageDescriptor, text: &str) -> Result<DynamicMessage, String> {
    let mut message = DynamicMessage::new(descriptor.clone());
    match descriptor.full_name() {
        "google.protobuf.Timestamp" => return in_json(descriptor, text),
        "google.protobuf.Duration" => {
            let nanos = go_duration(text).ok_or_else(|| invalid(text))?;
            message.set_field_by_name("seconds", Value::I64(nanos / NANOS_PER_SECOND));
            let rest = i32::try_from(nanos % NANOS_PER_SECOND).map_err(|_| invalid(text))?;
            message.set_field_by_name("nanos", Value::I32(rest));
        }
        "google.protobuf.FieldMask" => {
            let paths = text.split(',').map(|path| Value::String(path.to_owned())).collect();
            message.set_field_by_name("paths", Value::List(paths));
        }
        name => match descriptor.get_field_by_name("value") {
            // `google.protobuf.Int32Value` and its like.
            Some(field) if descriptor.package_name() == "google.protobuf" && name.ends_with("Value") => {
                message.set_field(&field, parse(&field.kind(), text)?);
            }
            _ => return Err(format!("{name} has no form as a text")),
        },
    }
    Ok(message)
}

fn in_json(descriptor: &MessageDescriptor, text: &str) -> Result<DynamicMessage, String> {
    DynamicMessage::deserialize(descriptor.clone(), serde_json::Value::from(text)).map_err(|_| invalid(text))
}

/// Nanoseconds of a duration as Go writes it: numbers, each with its unit, such as `1h30m` or `-1.5s`; or `0`.
fn go_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut nanos = 0.0;
    loop {
        let end = rest.find(|each: char| !each.is_ascii_digit() && each != '.')?;
        let (number, unit) = rest.split_at(end);
        let (name, each) = UNITS.iter().find(|(name, _)| {
            unit.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphabetic()))
        })?;
        nanos += number.parse::<f64>().ok()? * each;
        rest = unit.strip_prefix(name)?;
        if rest.is_empty() {
            break;
        }
    }
    within_i64(sign * nanos.round())
}

fn within_i64(nanos: f64) -> Option<i64> {
    // Go's durations end at 2^63 ns, some 292 years.
    const END: f64 = 9_223_372_036_854_775_808.0;
    // Through text: it is a whole number within the range.
    (nanos.abs() < END).then(|| format!("{nanos:.0}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use host_wire::{
        descriptor_pool,
        protojson::{WriteOptions, dynamic_to_json},
    };

    use super::*;

    #[track_caller]
    fn check(kind: &Kind, text: &str, expected: Option<Value>) {
        assert_eq!(parse(kind, text).ok(), expected, "{text}");
    }

    fn message(name: &str) -> Kind {
        Kind::Message(descriptor_pool().get_message_by_name(name).unwrap())
    }

    #[test]
    fn plain_values() {
        check(&Kind::Bool, "True", Some(Value::Bool(true)));
        check(&Kind::Bool, "0", Some(Value::Bool(false)));
        check(&Kind::Bool, "yes", None);
        check(&Kind::Int32, "-7", Some(Value::I32(-7)));
        check(&Kind::Int32, "3000000000", None);
        check(&Kind::Int64, "3000000000", Some(Value::I64(3_000_000_000)));
        check(&Kind::Uint64, "-1", None);
        check(&Kind::Int32, "", None);
        check(&Kind::Double, "1.5", Some(Value::F64(1.5)));
        check(&Kind::String, "", Some(Value::String(String::new())));
        check(&Kind::Bytes, "AP8", Some(Value::Bytes(vec![0, 255].into())));
        check(&Kind::Bytes, "_-8=", Some(Value::Bytes(vec![0xff, 0xef].into())));
        check(&Kind::Bytes, "!", None);
    }

    #[test]
    fn enumerations_by_name_and_number() {
        let kind = "temporal.api.enums.v1.HistoryEventFilterType";
        let kind = Kind::Enum(descriptor_pool().get_enum_by_name(kind).unwrap());
        check(&kind, "HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT", Some(Value::EnumNumber(2)));
        check(&kind, "2", Some(Value::EnumNumber(2)));
        check(&kind, "77", None);
        check(&kind, "CloseEvent", None);
    }

    #[test]
    fn messages_that_are_one_text() {
        let text = |name: &str, text: &str| match parse(&message(name), text) {
            Ok(Value::Message(message)) => Some(dynamic_to_json(&message, WriteOptions::default()).unwrap()),
            _ => None,
        };
        let timestamp = |value: &str| text("google.protobuf.Timestamp", value);
        assert_eq!(timestamp("2026-11-27T10:00:00.5Z").unwrap(), "\"2026-11-27T10:00:00.500Z\"");
        assert_eq!(timestamp("tomorrow"), None);
        assert_eq!(text("google.protobuf.FieldMask", "a.b_c,d").unwrap(), "\"a.bC,d\"");
        assert_eq!(text("google.protobuf.Duration", "1m0.5s").unwrap(), "\"60.500s\"");
        assert_eq!(text("temporal.api.common.v1.WorkflowType", "T"), None);
    }

    #[test]
    fn durations_as_go_writes_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1.5s", Some(1_500_000_000)),
            ("1h30m", Some(5_400_000_000_000)),
            ("-2ms", Some(-2_000_000)),
            ("7us", Some(7_000)),
            ("1m1ms", Some(60_001_000_000)),
            ("10", None),
            ("", None),
            ("s", None),
            ("1d", None),
            ("1mm", None),
            ("1..5s", None),
            ("9000000h", None),
        ] {
            assert_eq!(go_duration(text), expected, "{text}");
        }
    }
}
